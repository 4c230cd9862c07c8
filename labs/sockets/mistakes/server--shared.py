# gets: A variable is shared
"""A TCP server for several clients at once. Started as: server.py PORT"""

import socket
import sys
import threading


def talk(connection):
    with connection:
        for line in connection.makefile("rb"):
            connection.sendall(line.strip() + b" %d\n" % address[1])


listener = socket.create_server(("", int(sys.argv[1])))
while True:
    connection, address = listener.accept()
    threading.Thread(target=talk, args=(connection,)).start()
