# gets: That ping came from d
d$ packetlab ping -c 1 -W 0.1 -s 1350 {s.ip}
