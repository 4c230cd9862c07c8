# gets: Your datagram went to another port
c$ packetlab tcp {s.ip} {shut}
c$ packetlab udp {s.ip} {one} {token}
c$ packetlab udp {s.ip6} {shut} {token}
