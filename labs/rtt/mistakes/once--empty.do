# gets: You have sent nothing at all
c$ packetlab tcp -W 0.2 {s.ip} 80
