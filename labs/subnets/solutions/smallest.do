b$ ip address add {near.1}/26 dev eth0
a$ packetlab ping -c 1 -W 0.1 {near.1}
