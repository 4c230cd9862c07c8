h3$ ip link set dev eth0 address 02:33:44:55:66:77
