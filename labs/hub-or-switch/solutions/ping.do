a1$ packetlab ping -c 2 {a2.ip}
b1$ packetlab ping -c 2 {b2.ip}
