# gets: you pinged h3
h1$ packetlab ping -c 1 {h3.ip}
