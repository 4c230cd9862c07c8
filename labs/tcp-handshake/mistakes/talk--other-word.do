# gets: not the word
c$ packetlab tcp {s.ip} {port} x
