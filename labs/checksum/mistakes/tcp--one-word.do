# gets: too few for the cable
h1$ python3 -c 'import socket; s = socket.create_connection(("{h2.ip}", {sink})); s.sendall(b"{token}"); s.shutdown(socket.SHUT_WR); s.recv(1)'
