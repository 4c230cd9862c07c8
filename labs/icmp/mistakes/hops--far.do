# gets: Only s has spoken
c$ packetlab udp {s.ip} {port} {word}
