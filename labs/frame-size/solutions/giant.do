h1$ ip link set dev eth0 mtu 1500
