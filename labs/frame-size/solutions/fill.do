h1$ packetlab ping -c 1 -s 18 {h2.ip}
h1$ packetlab ping -c 1 -s 1472 {h2.ip}
