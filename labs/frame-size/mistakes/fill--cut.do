# gets: cut into several frames
h1$ packetlab ping -c 1 -s 18 {h2.ip}
h1$ packetlab ping -c 1 -s 1500 {h2.ip}
