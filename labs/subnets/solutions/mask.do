a$ ip address flush dev eth0
a$ ip address add {near.a}/26 dev eth0
a$ ip route add default via {near.2}
