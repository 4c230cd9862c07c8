c$ packetlab tcp {s.ip} {port} {token}
