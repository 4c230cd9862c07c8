# gets: sent 4 segments
c$ packetlab tcp {s.c.ip} {port} --size 2000 --congestion reno
