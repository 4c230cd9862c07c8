# gets: Still missing: a ping from h1 to 224.0.0.251
h1$ packetlab ping -c 1 {h2.ip}
h1$ packetlab ping -c 1 -W 0.05 {lan.broadcast}
h1$ packetlab ping -c 1 -W 0.05 -I eth0 224.0.0.1
h1$ packetlab ping -c 1 -I eth0 ff02::1
