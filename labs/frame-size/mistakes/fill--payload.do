# gets: are part of the frame's payload as well
h1$ packetlab ping -c 1 -s 46 {h2.ip}
h1$ packetlab ping -c 1 -s 1472 {h2.ip}
