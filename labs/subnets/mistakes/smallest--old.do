# gets: at its old address
a$ packetlab ping -c 1 {b.ip}
