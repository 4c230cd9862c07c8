# gets: UDP is missing
c$ packetlab tcp {s.ip} {port} {other}
