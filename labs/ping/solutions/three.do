c$ packetlab ping -c 3 -i 0.01 -s {size} {s.ip}
