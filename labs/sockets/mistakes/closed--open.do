# gets: You knocked by TCP at another port
c$ packetlab tcp {s.ip} {one}
c$ packetlab udp {s.ip} {shut} {token}
c$ packetlab udp {s.ip6} {shut} {token}
