# gets: came from s
s$ packetlab ping -c 3 -i 0.01 -s {size} {c.ip}
