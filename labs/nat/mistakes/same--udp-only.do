# gets: There is still a connection from a missing
a$ packetlab udp --source-port {own} {s.ip} {port} {alpha}
b$ packetlab udp --source-port {own} {s.ip} {port} {beta}
