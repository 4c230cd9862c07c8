# gets: cannot be told apart
c$ packetlab udp {s.ip} {port} {token} --count {count} -i 0 -W 0.1
