# gets: lost its default route
a$ ip address flush dev eth0
a$ ip address add {near.a}/26 dev eth0
