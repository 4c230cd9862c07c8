n$ ip -4 address flush dev eth1
n$ ip address add {home.r}/24 dev eth1
c2$ ip -4 address flush dev eth0
c2$ ip address add {home.c}/24 dev eth0
c2$ ip route add default via {home.r}
