h1$ packetlab ping -c 1 {h2.ip6}
h1$ packetlab ping -c 1 {h2.local6}%eth0
