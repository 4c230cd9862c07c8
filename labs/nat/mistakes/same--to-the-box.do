# gets: The server is s
a$ packetlab udp -W 0.1 --source-port {own} {home.1} {port} {alpha}
a$ packetlab handshake --source-port {own} {home.1} {port}
b$ packetlab udp -W 0.1 --source-port {own} {home.1} {port} {beta}
b$ packetlab handshake --source-port {own} {home.1} {port}
