h1$ packetlab ping -c 1 {h2.ip}
