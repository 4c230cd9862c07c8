# gets: talks to one client at a time
"""A TCP server for several clients at once. Started as: server.py PORT"""

import socket
import sys


def talk(connection, address):
    with connection:
        for line in connection.makefile("rb"):
            connection.sendall(line.strip() + b" %d\n" % address[1])


listener = socket.create_server(("", int(sys.argv[1])))
while True:
    talk(*listener.accept())
