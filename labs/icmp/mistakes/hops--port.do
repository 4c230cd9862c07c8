# gets: another port
c$ python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1); s.sendto(b"{word}", ("{s.ip}", 7))'
