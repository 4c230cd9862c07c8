# gets: Has it lost its default route
b$ ip address flush dev eth0
b$ ip address add {home.old}/24 dev eth0
