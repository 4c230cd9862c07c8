# gets: Send a datagram over IPv6 as well
c$ python3 -c 'import socket; socket.create_connection(("{s.ip}", {shut}))'
c$ python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"{token}", ("{s.ip}", {shut}))'
