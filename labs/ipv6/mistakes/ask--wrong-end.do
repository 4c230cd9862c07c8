# gets: You pinged from h2
h2$ packetlab ping -c 1 {h1.ip6}
