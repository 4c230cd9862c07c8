# gets: still too short
a$ ip address flush dev eth0
a$ ip address add {near.a}/24 dev eth0
a$ ip route add default via {near.2}
