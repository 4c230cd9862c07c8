# gets: still sends from its old address
h1$ packetlab ping -c 1 -W 0.2 {h2.ip}
