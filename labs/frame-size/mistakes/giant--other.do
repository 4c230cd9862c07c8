# gets: You have changed h2
h2$ ip link set dev eth0 mtu 9000
