# gets: c sent none with
c$ python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b"x" * n, ("{s.ip}", {port})) for n in range({count})]'
