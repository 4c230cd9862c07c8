# gets: There are two more headers
c$ python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x" * ({total} - 8), ("{s.ip}", {port}))'
