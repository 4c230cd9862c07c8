class Switch:
    def __init__(self, ports):
        self.ports = ports
        self.table = {}

    def receive(self, port, source, destination):
        self.table[source] = port
        if destination in self.table:
            return [each for each in [self.table[destination]] if each != port]
        return [each for each in self.ports if each != port]
