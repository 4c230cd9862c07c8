# gets: the 14 bytes of Ethernet
c$ packetlab udp {s.ip} {port} --size $(({total} - 28))
