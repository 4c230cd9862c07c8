b$ ip address add {home.old}/24 dev eth0
