# gets: bytes of padding. Send more
h1$ packetlab ping -c 1 -s 1 {h2.ip}
h1$ packetlab ping -c 1 -s 1472 {h2.ip}
