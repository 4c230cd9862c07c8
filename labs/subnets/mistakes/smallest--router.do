# gets: the router has it already
a$ packetlab ping -c 1 {near.2}
