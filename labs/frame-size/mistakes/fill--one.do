# gets: The largest one is missing
h1$ packetlab ping -c 1 -s 18 {h2.ip}
