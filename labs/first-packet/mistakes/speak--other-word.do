# gets: does not say
c$ python3 -c 'import socket; u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b"x", ("{s.ip}", {port})); u.settimeout(0.2); u.recv(100); t = socket.create_connection(("{s.ip}", {port})); t.send(b"{other}"); t.recv(100); t.close()'
