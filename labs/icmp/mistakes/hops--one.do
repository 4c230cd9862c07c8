# gets: r1 has spoken.
c$ packetlab udp --ttl 1 {s.ip} {port} {word}
