# gets: gave up and cut
c$ python3 -c 'import socket, struct; s = socket.create_connection(("{s.ip}", {port})); s.settimeout(0.3); s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.sendall(b"x" * {size})' 2>/dev/null || true
