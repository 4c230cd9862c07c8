# gets: its subnet should have 24 bits
h1$ ip address flush dev eth0
h1$ ip address add {lan.h1}/16 dev eth0
h1$ ip route add default via {lan.r}
