# gets: r1 and r2 have spoken
c$ python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1); s.sendto(b"{word}", ("{s.ip}", {port}))'
c$ python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 2); s.sendto(b"{word}", ("{s.ip}", {port}))'
