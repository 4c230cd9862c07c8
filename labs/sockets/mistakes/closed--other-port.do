# gets: Your datagram went to another port
c$ python3 -c 'import socket; socket.create_connection(("{s.ip}", {shut}))'
c$ python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"{token}", ("{s.ip}", {one}))'
c$ python3 -c 'import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"{token}", ("{s.ip6}", {shut}))'
