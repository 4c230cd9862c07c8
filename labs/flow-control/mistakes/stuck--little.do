# gets: s had room for all of them
c& python3 -c 'import socket; s = socket.create_connection(("{s.ip}", {port})); s.sendall(b"x" * 3000); s.shutdown(socket.SHUT_WR); s.recv(1)'
