"""One question, one answer, over the kernel's own UDP or TCP: for whoever wants the traffic, not the details."""

import socket

from packetlab.wire.host import Host
from packetlab.wire.ip_socket import family_of

LARGEST_ANSWER = 1 << 20
"""Bytes of an answer over TCP that are kept; the connection is closed after them."""


def ask_by_datagram(via: Host, address: str, port: int, data: bytes, *, timeout: float = 2.0) -> bytes:
    """Send one datagram and give the first that comes back; TimeoutError after `timeout` seconds."""
    with via.socket(_family(address), socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect((address, port))
        sock.send(data)
        return sock.recv(65535)


def ask_by_stream(via: Host, address: str, port: int, data: bytes, *, timeout: float = 2.0) -> bytes:
    """Connect, send, and give everything until the peer closes; TimeoutError where it is silent for too long."""
    answer = b""
    with via.socket(_family(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect((address, port))
        sock.sendall(data)
        while len(answer) < LARGEST_ANSWER and (more := sock.recv(65536)):
            answer += more
    return answer


def _family(address: str) -> int:
    from packetlab.model.addresses import ip_bytes

    return family_of(ip_bytes(address))
