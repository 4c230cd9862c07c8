# gets: on the cable it has 68
h1$ packetlab ping -c 1 -s 22 {h2.ip}
h1$ packetlab ping -c 1 -s 1472 {h2.ip}
