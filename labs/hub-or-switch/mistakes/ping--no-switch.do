# gets: the switch is missing
b1$ packetlab ping -c 2 {b2.ip}
