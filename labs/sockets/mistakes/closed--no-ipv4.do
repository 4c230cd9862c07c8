# gets: Send a datagram over IPv4 as well
c$ packetlab tcp {s.ip} {shut}
c$ packetlab udp {s.ip6} {shut} {token}
