# gets: That was TCP
c$ python3 -c 'import socket; s = socket.socket(); s.settimeout(0.2); s.connect_ex(("{s.ip}", {port}))'
