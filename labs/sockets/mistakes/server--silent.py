# gets: does not answer it
"""A TCP server for several clients at once. Started as: server.py PORT"""

import socket
import sys
import threading


def talk(connection, address):
    with connection:
        for line in connection.makefile("rb"):
            print(line)


listener = socket.create_server(("", int(sys.argv[1])))
while True:
    threading.Thread(target=talk, args=listener.accept()).start()
