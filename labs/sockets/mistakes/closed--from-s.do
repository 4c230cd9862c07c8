# gets: That came from s
s$ packetlab udp -4 -W 0.1 c {shut} {token}
