# gets: cut off by RST
c$ packetlab tcp {s.ip} {port} {token} --rst
