# gets: That was UDP
c$ python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x" * 1000, ("{s.ip}", {port}))'
