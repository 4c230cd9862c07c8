# gets: TCP is done, UDP is missing
c$ python3 -c 'import socket; socket.create_connection(("{s.ip}", {shut}))'
