# gets: Only s has spoken
c$ python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"{word}", ("{s.ip}", {port}))'
