a1$ packetlab ping -c 2 -i 0.01 {a2.ip}
b1$ packetlab ping -c 2 -i 0.01 {b2.ip}
