# gets: is missing
h1$ packetlab ping -c 1 {h2.local6}%eth0
