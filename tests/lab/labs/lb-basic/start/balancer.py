"""A load balancer, round robin. Started as: balancer.py PORT SERVER SERVER ..."""

import socket
import sys

listener = socket.create_server(("", int(sys.argv[1])))
while True:
    client, address = listener.accept()
    # Which server is next? Connect to it, and carry bytes both ways.
    client.close()
