h1$ packetlab tcp {h2.ip} {sink} {token} --size 28800
