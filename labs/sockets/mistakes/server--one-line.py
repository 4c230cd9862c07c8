# gets: hung up after one line
"""A TCP server for several clients at once. Started as: server.py PORT"""

import socket
import sys
import threading


def talk(connection, address):
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            connection.sendall(line.strip() + b" %d\n" % address[1])
            break


listener = socket.create_server(("", int(sys.argv[1])))
while True:
    threading.Thread(target=talk, args=listener.accept()).start()
