# gets: h2 has that address already
h1$ ip link set dev eth0 address {h2.mac}
h1$ packetlab ping -c 1 -W 0.2 {h2.ip}
