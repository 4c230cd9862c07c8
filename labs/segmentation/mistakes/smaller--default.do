# gets: Set TCP_MAXSEG before
c$ python3 -c 'import socket; s = socket.socket(); s.connect(("{s.ip}", {port})); s.sendall(b"x" * {size}); s.close()'
