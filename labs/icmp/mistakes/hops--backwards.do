# gets: not in the order
c$ packetlab udp --ttl 3 {s.ip} {port} {word}
c$ packetlab udp --ttl 2 {s.ip} {port} {word}
c$ packetlab udp --ttl 1 {s.ip} {port} {word}
