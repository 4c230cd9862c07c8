# gets: smaller than before
d$ ip link set dev eth0 mtu 1000
