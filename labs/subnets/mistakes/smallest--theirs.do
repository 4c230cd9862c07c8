# gets: the router has it already
b$ ip address add {near.2}/26 dev eth0
a$ packetlab ping -c 1 {near.2}
