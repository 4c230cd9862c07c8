"""A TCP server for several clients at once. Started as: server.py PORT"""

import socket
import sys

port = int(sys.argv[1])
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
# Yours to write: bind it to the port, listen, accept clients, and answer each of their lines.
