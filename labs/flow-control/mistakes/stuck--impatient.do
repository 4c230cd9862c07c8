# gets: gave up and cut
c$ packetlab tcp {s.ip} {port} --size {size} -W 0.3
