# gets: That was UDP
h1$ python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"{token}", ("{h2.ip}", {sink}))'
