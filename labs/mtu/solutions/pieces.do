c$ packetlab ping -c 1 -s 1350 {s.ip}
