c$ packetlab tcp {s.c.ip} {port} --size {size} --congestion reno
d$ packetlab tcp {s.d.ip} {port} --size {size} --congestion cubic
