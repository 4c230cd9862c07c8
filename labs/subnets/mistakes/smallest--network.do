# gets: not the smallest one
b$ ip address add {near.network}/26 dev eth0
a$ packetlab ping -c 1 -W 0.1 {near.network}
