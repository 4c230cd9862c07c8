h1$ ip link set dev eth0 address 06:11:22:33:44:55
h1$ packetlab ping -c 1 {h2.ip}
