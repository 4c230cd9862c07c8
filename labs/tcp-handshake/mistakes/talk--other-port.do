# gets: You connected to another port
c$ packetlab tcp {s.ip} {shut} {token}
