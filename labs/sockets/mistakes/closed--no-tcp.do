# gets: UDP is done, TCP is missing
c$ python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"{token}", ("{s.ip}", {shut}))'
c$ python3 -c 'import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"{token}", ("{s.ip6}", {shut}))'
