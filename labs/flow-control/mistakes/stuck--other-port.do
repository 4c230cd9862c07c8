# gets: You connected to another port
c$ packetlab tcp -W 0.2 {s.ip} 80 --size {size}
