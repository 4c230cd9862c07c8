c$ packetlab tcp {s.ip} {shut}
