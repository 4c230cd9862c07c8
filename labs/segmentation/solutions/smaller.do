c$ packetlab tcp {s.ip} {port} --size {size} --mss {mss}
