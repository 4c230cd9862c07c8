# gets: s had room for all of them
c& packetlab tcp {s.ip} {port} --size 3000 -W 0
