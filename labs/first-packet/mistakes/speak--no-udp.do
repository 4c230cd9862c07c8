# gets: UDP is missing
c$ python3 -c 'import socket; t = socket.create_connection(("{s.ip}", {port})); t.send(b"{other}"); t.recv(100); t.close()'
