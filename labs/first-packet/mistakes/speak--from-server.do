# gets: came from s
s$ packetlab udp {c.ip} {port} {word}
