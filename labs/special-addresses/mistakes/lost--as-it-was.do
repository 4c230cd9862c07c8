# gets: it has no way there
h1$ packetlab ping -c 1 -W 0.1 {h2.ip}
