"""A balancer that asks the other server. Started as: balancer.py PORT SERVER SERVER"""

import socket
import sys
import threading

SORRY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def connected(servers):
    for server in servers:
        try:
            return socket.create_connection((server, 80), timeout=1)
        except OSError:
            continue
    return None


def carry(client, servers):
    with client:
        upstream = connected(servers)
        if upstream is None:
            client.recv(65536)
            client.sendall(SORRY)
            return
        with upstream:
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
