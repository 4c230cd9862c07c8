# gets: c has sent no ping to s
c$ packetlab udp -W 0.1 {s.ip} {number} {word}
