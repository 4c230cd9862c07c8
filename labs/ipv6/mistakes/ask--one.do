# gets: The one to the link-local address of h2 is missing
h1$ packetlab ping -c 1 {h2.ip6}
