# gets: with /32 now
h1$ ip address add {lan.h1} dev eth0
