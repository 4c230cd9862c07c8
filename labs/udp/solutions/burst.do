c$ packetlab udp {s.ip} {port} --count {count} --grow -i 0 -W 0.1
