# gets: h1 still sends to
h1$ packetlab ping -c 1 {h2.ip}
