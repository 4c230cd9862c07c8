# gets: its default route has gone
h1$ ip address add {lan.h1}/24 dev eth0
