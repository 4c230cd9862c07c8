c$ packetlab tcp {s.ip} {shut}
c$ packetlab udp {s.ip} {shut} {token}
c$ packetlab udp {s.ip6} {shut} {token}
