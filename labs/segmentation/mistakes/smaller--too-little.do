# gets: bytes of data;
c$ python3 -c 'import socket; s = socket.socket(); s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, {mss}); s.connect(("{s.ip}", {port})); s.sendall(b"x" * 1000); s.close()'
