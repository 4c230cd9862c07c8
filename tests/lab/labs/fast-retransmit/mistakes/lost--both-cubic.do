# gets: Say --congestion reno at c
c$ packetlab tcp {s.c.ip} {port} --size {size} --congestion cubic
d$ packetlab tcp {s.d.ip} {port} --size {size} --congestion cubic
