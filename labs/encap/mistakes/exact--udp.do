# gets: There are two more headers
c$ packetlab udp {s.ip} {port} --size $(({total} - 8))
