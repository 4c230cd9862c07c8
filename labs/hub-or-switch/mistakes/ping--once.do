# gets: That was one ping
a1$ packetlab ping -c 1 {a2.ip}
b1$ packetlab ping -c 1 {b2.ip}
