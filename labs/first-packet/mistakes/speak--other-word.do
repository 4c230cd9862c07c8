# gets: does not say
c$ packetlab udp {s.ip} {port} x
c$ packetlab tcp {s.ip} {port} {other}
