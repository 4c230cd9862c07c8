# gets: You pinged from h3
h3$ packetlab ping -c 1 {h2.ip}
