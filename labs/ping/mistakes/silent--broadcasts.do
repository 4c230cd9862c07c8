# gets: pings to the broadcast address
s$ sysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0
