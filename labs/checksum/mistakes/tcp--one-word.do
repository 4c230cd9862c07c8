# gets: too few for the cable
h1$ packetlab tcp {h2.ip} {sink} {token}
