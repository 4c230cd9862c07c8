a$ packetlab udp --source-port {own} {s.ip} {port} {alpha}
a$ packetlab handshake --source-port {own} {s.ip} {port}
b$ packetlab udp --source-port {own} {s.ip} {port} {beta}
b$ packetlab handshake --source-port {own} {s.ip} {port}
