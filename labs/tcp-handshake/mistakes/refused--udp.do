# gets: That was UDP
c$ packetlab udp {s.ip} {shut}
