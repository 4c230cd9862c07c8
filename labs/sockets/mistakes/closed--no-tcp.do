# gets: UDP is done, TCP is missing
c$ packetlab udp {s.ip} {shut} {token}
c$ packetlab udp {s.ip6} {shut} {token}
