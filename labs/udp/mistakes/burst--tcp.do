# gets: That was TCP
c$ packetlab tcp {s.ip} {port} -W 0.2
