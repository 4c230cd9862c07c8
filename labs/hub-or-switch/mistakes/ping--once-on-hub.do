# gets: one ping from b1
a1$ packetlab ping -c 2 {a2.ip}
b1$ packetlab ping -c 1 {b2.ip}
