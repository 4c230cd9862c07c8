# gets: c itself had to cut
c$ packetlab ping -c 1 -s 1600 {s.ip}
