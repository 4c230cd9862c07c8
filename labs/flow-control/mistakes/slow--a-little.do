# gets: Better, but not enough
s$ sysctl -w net.ipv4.tcp_rmem="4096 32768 32768"
