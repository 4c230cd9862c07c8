# gets: That was UDP
h1$ packetlab udp {h2.ip} {sink} {token}
