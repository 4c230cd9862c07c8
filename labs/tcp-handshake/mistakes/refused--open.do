# gets: where somebody listens
c$ packetlab tcp {s.ip} {port}
