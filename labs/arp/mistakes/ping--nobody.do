# gets: an address that nobody here has
h1$ packetlab ping -c 1 -W 0.1 {lan.ghost}
