# gets: it is s that holds c back
c$ sysctl -w net.ipv4.tcp_wmem="4096 262144 6291456"
