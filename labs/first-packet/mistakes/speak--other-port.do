# gets: to another port
c$ packetlab udp {s.ip} 9 {word}
