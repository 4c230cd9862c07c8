# gets: sent nothing in between
c$ packetlab tcp {s.ip} {port}
