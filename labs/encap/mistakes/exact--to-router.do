# gets: another machine than s
c$ packetlab udp {west.r} {port} {word}
