# gets: the headers came on top
c$ python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x" * ({total}), ("{s.ip}", {port}))'
