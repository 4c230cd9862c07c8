# gets: You connected to another port
c$ python3 -c 'import socket; s = socket.create_connection(("{s.ip}", {shut})); s.close()'
