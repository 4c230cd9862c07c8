# gets: That was TCP
c$ packetlab tcp {s.ip} {port} {word}
