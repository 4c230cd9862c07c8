# gets: learn where sources are
class Switch:
    def __init__(self, ports):
        self.ports = ports
        self.table = {}

    def receive(self, port, source, destination):
        self.table[destination] = port
        if source in self.table and self.table[source] != port:
            return [self.table[source]]
        return [each for each in self.ports if each != port]
