h1$ ip address replace {lan.h1}/24 dev eth0
h1$ ip route replace default via {lan.r}
