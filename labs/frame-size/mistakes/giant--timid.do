# gets: That works, but h1 cuts
h1$ ip link set dev eth0 mtu 1000
