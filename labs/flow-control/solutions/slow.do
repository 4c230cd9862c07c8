s$ sysctl -w net.ipv4.tcp_rmem="4096 131072 6291456"
