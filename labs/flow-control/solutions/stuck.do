c& packetlab tcp {s.ip} {port} --size {size} -W 0
