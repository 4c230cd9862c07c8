# gets: the two boxes are not joined
a1$ packetlab ping -c 1 -W 0.1 {b2.ip}
