# gets: the 14 bytes of Ethernet
c$ python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x" * ({total} - 28), ("{s.ip}", {port}))'
