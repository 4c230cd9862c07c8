# gets: sent nothing in between
c$ python3 -c 'import socket; s = socket.create_connection(("{s.ip}", {port})); s.close()'
