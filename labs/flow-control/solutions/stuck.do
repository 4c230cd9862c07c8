c& python3 -c 'import socket; s = socket.create_connection(("{s.ip}", {port})); s.sendall(b"x" * {size}); s.shutdown(socket.SHUT_WR); s.recv(1)'
