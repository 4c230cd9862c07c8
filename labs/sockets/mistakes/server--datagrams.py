# gets: no TCP socket listens there
"""A TCP server for several clients at once. Started as: server.py PORT"""

import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("", int(sys.argv[1])))
while True:
    line, address = sock.recvfrom(1000)
    sock.sendto(line.strip() + b" %d\n" % address[1], address)
