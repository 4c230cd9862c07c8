# gets: You knocked by TCP at another port
c$ python3 -c 'import socket; socket.create_connection(("{s.ip}", {one}))'
c$ python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"{token}", ("{s.ip}", {shut}))'
c$ python3 -c 'import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"{token}", ("{s.ip6}", {shut}))'
