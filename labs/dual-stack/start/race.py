"""Fetches a page from whichever address of a name connects first. Runs on c. Fill in `connect`."""

import select
import socket
import sys


def begin(address, port):
    """Starts to connect, and does not wait. Returns the socket: an attempt that is under way."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.connect_ex((address, port))
    return sock


def wait(attempts, seconds):
    """Waits until one of the attempts has come to an end, well or not, and returns it; None if the time is over."""
    ended = select.select([], attempts, [], seconds)[1]
    return ended[0] if ended else None


def failed(attempt):
    """Whether an attempt that has ended has failed."""
    return attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def connect(addresses, port, delay):
    """`addresses` is a list of text, the preferred first. Returns the socket that is connected first.

    Gives each attempt a head start of `delay` seconds. Raises OSError if no address answers.
    """
    raise NotImplementedError("this is yours to write")


def main():
    name, delay = sys.argv[1], float(sys.argv[2])
    addresses = [found[4][0] for found in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)]
    with connect(addresses, 80, delay) as sock:
        sock.settimeout(5)
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        print(f"{name}: connected to {sock.getpeername()[0]}, {sock.recv(4096).split(b' ')[1].decode()}")


if __name__ == "__main__":
    main()
