# gets: r1 has not spoken yet
c$ packetlab udp --ttl 2 {s.ip} {port} {word}
c$ packetlab udp --ttl 3 {s.ip} {port} {word}
