# gets: the hub is missing
a1$ packetlab ping -c 2 {a2.ip}
