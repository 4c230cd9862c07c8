# gets: You pinged from a2
a2$ packetlab ping -c 2 {a1.ip}
b1$ packetlab ping -c 2 {b2.ip}
