# gets: a router that is not there
h1$ ip address replace {lan.h1}/24 dev eth0
h1$ ip route add default via {lan.ghost}
