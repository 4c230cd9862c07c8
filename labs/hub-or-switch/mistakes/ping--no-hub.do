# gets: the hub is missing
a1$ packetlab ping -c 2 -i 0.01 {a2.ip}
