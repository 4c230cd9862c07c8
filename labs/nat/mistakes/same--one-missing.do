# gets: There is still a datagram from b missing
a$ packetlab udp --source-port {own} {s.ip} {port} {alpha}
a$ packetlab handshake --source-port {own} {s.ip} {port}
b$ packetlab handshake --source-port {own} {s.ip} {port}
