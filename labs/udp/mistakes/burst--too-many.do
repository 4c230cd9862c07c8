# gets: datagrams were wanted, with 1 to {count} bytes of data; c sent
c$ packetlab udp {s.ip} {port} --count 70 --grow -i 0 -W 0.1
