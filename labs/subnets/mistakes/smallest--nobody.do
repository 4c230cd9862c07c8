# gets: nobody has it
a$ packetlab ping -c 1 -W 0.1 {near.1}
