# gets: back out at port
class Switch:
    def __init__(self, ports):
        self.ports = ports
        self.table = {}

    def receive(self, port, source, destination):
        self.table[source] = port
        return [self.table[destination]] if destination in self.table else list(self.ports)
