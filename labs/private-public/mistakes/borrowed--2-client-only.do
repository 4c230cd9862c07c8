# gets: n does not have that address
c2$ ip -4 address flush dev eth0
c2$ ip address add {home.c}/24 dev eth0
c2$ ip route add default via {home.r}
