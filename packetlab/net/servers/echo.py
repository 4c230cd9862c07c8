"""The echo service (RFC 862): whatever arrives goes back."""

import socket
from typing import Any

from packetlab.net.servers.base import Server, StreamServer


class TCPEchoServer(StreamServer):
    """Sends every byte back on the connection it came by."""

    def received(self, sock: socket.socket, data: bytes) -> None:
        """Send it back."""
        self.send(sock, data)


class UDPEchoServer(Server):
    """Sends every datagram back to its sender, one for one: it amplifies nothing."""

    kind = socket.SOCK_DGRAM

    def datagram(self, sock: socket.socket, data: bytes, peer: Any) -> None:
        """Send it back."""
        sock.sendto(data, peer)
