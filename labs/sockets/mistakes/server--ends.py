# gets: your program has ended
"""A TCP server for several clients at once. Started as: server.py PORT"""

import socket
import sys

listener = socket.create_server(("", int(sys.argv[1])))
listener.close()
