# gets: TCP is missing
c$ packetlab udp {s.ip} {port} {word}
