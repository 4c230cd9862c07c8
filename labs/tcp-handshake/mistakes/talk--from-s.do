# gets: was opened by s
s$ packetlab tcp {c.ip} {port} {token}
