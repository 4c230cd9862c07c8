# gets: One home is done. Now ping s from c2
c1$ packetlab ping -c 1 -W 0.1 {s.ip}
