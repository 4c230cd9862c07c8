c$ packetlab udp {s.ip} {port} --size $(({total} - 42))
