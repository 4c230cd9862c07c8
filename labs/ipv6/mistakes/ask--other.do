# gets: link-local address of h3
h1$ packetlab ping -c 1 {h2.ip6}
h1$ packetlab ping -c 1 -W 0.1 {h3.local6}%eth0
