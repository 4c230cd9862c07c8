# gets: came from s
s$ packetlab udp {c.ip} {port} --count {count} --grow -i 0 -W 0.1
