# gets: TCP is missing
c$ python3 -c 'import socket; u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b"{word}", ("{s.ip}", {port})); u.settimeout(0.2); u.recv(100); u.close()'
