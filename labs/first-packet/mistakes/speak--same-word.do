# gets: did not say {other}
c$ packetlab udp {s.ip} {port} {word}
c$ packetlab tcp {s.ip} {port} {word}
