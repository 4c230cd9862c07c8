# gets: bytes of data;
c$ packetlab tcp {s.ip} {port} --size 1000 --mss {mss}
