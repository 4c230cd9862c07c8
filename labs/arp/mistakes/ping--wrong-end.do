# gets: the wrong end
h2$ packetlab ping -c 1 {h1.ip}
