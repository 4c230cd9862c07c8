# gets: bytes arrived
h1$ python3 -c 'import socket; s = socket.create_connection(("{h2.ip}", {sink})); s.sendall(b"{token}" * 3900); s.shutdown(socket.SHUT_WR); s.recv(1)'
