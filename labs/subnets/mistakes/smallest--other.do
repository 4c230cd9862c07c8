# gets: gave the packet to the router
b$ ip address add {far.1}/26 dev eth0
a$ packetlab ping -c 1 -W 0.1 {far.1}
