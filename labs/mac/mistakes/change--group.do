# gets: the address of a group
h1$ ip link set dev eth0 address 03:11:22:33:44:55
h1$ packetlab ping -c 1 -W 0.2 {h2.ip}
