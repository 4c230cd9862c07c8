# gets: One home is done. Now ping s from c1
c2$ packetlab ping -c 1 {s.ip}
