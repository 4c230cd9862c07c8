# gets: That was UDP
c$ packetlab udp {s.ip} {port} --size 1000
