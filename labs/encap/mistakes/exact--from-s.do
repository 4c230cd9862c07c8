# gets: c has to send
s$ packetlab udp {c.ip} {port} {word}
