# gets: drops frames for destinations
class Switch:
    def __init__(self, ports):
        self.ports = ports
        self.table = {}

    def receive(self, port, source, destination):
        self.table[source] = port
        known = self.table.get(destination, port)
        return [] if known == port else [known]
