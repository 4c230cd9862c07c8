c$ python3 -c 'import socket; s = socket.create_connection(("{s.ip}", {port})); s.send(b"{token}"); s.recv(100); s.close()'
