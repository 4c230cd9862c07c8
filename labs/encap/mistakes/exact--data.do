# gets: the headers came on top
c$ packetlab udp {s.ip} {port} --size {total}
