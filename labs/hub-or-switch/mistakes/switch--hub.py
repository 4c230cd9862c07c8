# gets: That is a hub
class Switch:
    def __init__(self, ports):
        self.ports = ports
        self.table = {}

    def receive(self, port, source, destination):
        return [each for each in self.ports if each != port]
