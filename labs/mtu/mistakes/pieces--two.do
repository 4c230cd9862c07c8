# gets: in 2 pieces
c$ packetlab ping -c 1 -s 900 {s.ip}
