# gets: Send a datagram over IPv6 as well
c$ packetlab tcp {s.ip} {shut}
c$ packetlab udp {s.ip} {shut} {token}
