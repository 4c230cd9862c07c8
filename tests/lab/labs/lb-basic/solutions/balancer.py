"""A load balancer, round robin. Started as: balancer.py PORT SERVER SERVER ..."""

import itertools
import socket
import sys
import threading


def copy(source, target):
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


def carry(client, server):
    with client, socket.create_connection((server, 80)) as upstream:
        back = threading.Thread(target=copy, args=(upstream, client))
        back.start()
        copy(client, upstream)
        back.join()


listener = socket.create_server(("", int(sys.argv[1])))
for server in itertools.cycle(sys.argv[2:]):
    client, _ = listener.accept()
    threading.Thread(target=carry, args=(client, server)).start()
