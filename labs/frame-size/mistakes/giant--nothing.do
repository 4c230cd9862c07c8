# gets: h1 still sends a frame
h1$ packetlab ping -c 1 {h2.ip}
