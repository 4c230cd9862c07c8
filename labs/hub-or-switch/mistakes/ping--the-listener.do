# gets: You pinged the listener a3
a1$ packetlab ping -c 2 -i 0.01 {a3.ip}
b1$ packetlab ping -c 2 -i 0.01 {b2.ip}
