# gets: c sent none with
c$ packetlab udp {s.ip} {port} --count {count} --size 0 --grow -i 0 -W 0.1
