# gets: h2 is not any more
h1$ ip link set dev eth0 mtu 1500
h2$ ip link set dev eth0 mtu 9000
