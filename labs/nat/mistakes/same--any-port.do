# gets: not from {own}. Give `packetlab udp`
a$ packetlab udp {s.ip} {port} {alpha}
a$ packetlab handshake --source-port {own} {s.ip} {port}
b$ packetlab udp {s.ip} {port} {beta}
b$ packetlab handshake --source-port {own} {s.ip} {port}
