"""Sockets on a port of our own: to listen for IPv6 and IPv4 together, or to send from."""

import socket

from packetlab.model.errors import UsageError
from packetlab.wire.host import Host


def listening_socket(source: Host, kind: int, port: int) -> socket.socket:
    """A socket (SOCK_STREAM, SOCK_DGRAM) bound to a port; for IPv4 alone where the machine has no IPv6."""
    try:
        sock = source.socket(socket.AF_INET6, kind)
    except OSError:
        sock = source.socket(socket.AF_INET, kind)
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("::" if sock.family == socket.AF_INET6 else "0.0.0.0", port))
        if kind == socket.SOCK_STREAM:
            sock.listen()
    except OSError as error:
        sock.close()
        raise UsageError(f"nobody can listen on port {port}: {error.strerror}", remedy="choose another") from None
    return sock


def bind_source(sock: socket.socket, port: int) -> None:
    """Send from this port; 0 leaves the choice to the kernel. UsageError where that cannot be."""
    if not port:
        return
    try:
        sock.bind(("::" if sock.family == socket.AF_INET6 else "0.0.0.0", port))
    except OSError as error:
        cause = f"nothing can be sent from port {port}: {error.strerror}"
        raise UsageError(cause, remedy="choose another") from None


def plain_address(address: str) -> str:
    """An IPv4 peer of an IPv6 socket by its own address."""
    return address.removeprefix("::ffff:") if "." in address else address
