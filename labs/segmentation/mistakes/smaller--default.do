# gets: Set TCP_MAXSEG before
c$ packetlab tcp {s.ip} {port} --size {size}
