# gets: from the advertisement of h3
h1$ packetlab ping -c 1 -W 0.1 {s.ip6}
