# gets: cannot be told apart
c$ python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b"{token}", ("{s.ip}", {port})) for n in range({count})]'
