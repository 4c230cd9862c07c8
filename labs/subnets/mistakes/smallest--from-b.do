# gets: You pinged from b
b$ packetlab ping -c 1 {a.ip}
