c1$ packetlab ping -c 1 -W 0.1 {s.ip}
c2$ packetlab ping -c 1 {s.ip}
