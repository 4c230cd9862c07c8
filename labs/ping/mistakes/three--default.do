# gets: 56 bytes of data
c$ packetlab ping -c 3 -i 0.01 {s.ip}
