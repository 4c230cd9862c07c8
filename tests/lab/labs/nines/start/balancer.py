"""A balancer that asks the other server. Started as: balancer.py PORT SERVER SERVER"""

import socket
import sys
import threading


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def carry(client, servers):
    with client, socket.create_connection((servers[0], 80)) as upstream:
        back = threading.Thread(target=copy, args=(upstream, client))
        back.start()
        copy(client, upstream)
        back.join()


listener = socket.create_server(("", int(sys.argv[1])))
servers = sys.argv[2:]
while True:
    client, _ = listener.accept()
    threading.Thread(target=carry, args=(client, servers)).start()
    servers = servers[1:] + servers[:1]
