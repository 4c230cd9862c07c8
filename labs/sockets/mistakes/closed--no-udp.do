# gets: TCP is done, UDP is missing
c$ packetlab tcp {s.ip} {shut}
