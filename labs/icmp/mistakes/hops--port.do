# gets: another port
c$ packetlab udp --ttl 1 {s.ip} 7 {word}
