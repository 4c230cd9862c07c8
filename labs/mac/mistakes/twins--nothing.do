# gets: h3 had spoken last
h1$ packetlab ping -c 1 -W 0.2 {h2.ip}
