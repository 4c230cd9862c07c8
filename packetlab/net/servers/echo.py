"""The echo service (RFC 862): whatever arrives goes back.

A datagram whose sender's port is itself a service that answers everything would be answered again, and again: one
forged datagram would keep two servers talking for ever. Such a sender gets no answer.
"""

import socket
import threading
from collections import Counter
from types import TracebackType
from typing import Any, ClassVar, Self

from packetlab.net.servers.base import Server, StreamServer

ANSWER_ALL = frozenset((7, 13, 17, 19, 37))
"""Services that answer any datagram: echo, daytime, quote of the day, character generator, time."""


class TCPEchoServer(StreamServer):
    """Sends every byte back on the connection it came by."""

    def received(self, sock: socket.socket, data: bytes) -> None:
        """Send it back."""
        self.send(sock, data)


class UDPEchoServer(Server):
    """Sends every datagram back to its sender, one for one: it amplifies nothing."""

    kind = socket.SOCK_DGRAM
    _ports: ClassVar[Counter[int]] = Counter()
    """The ports on which echo servers of this process listen."""
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __enter__(self) -> Self:
        super().__enter__()
        with self._lock:
            self._ports[self.port] += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        with self._lock:
            self._ports[self.port] -= 1
            if not self._ports[self.port]:
                del self._ports[self.port]

    def datagram(self, sock: socket.socket, data: bytes, peer: Any) -> None:
        """Send it back, unless its sender would send that back in turn."""
        if peer[1] in ANSWER_ALL or peer[1] in self._ports:
            self.note_line(f"{peer[0]} port {peer[1]}: no answer, it would go round for ever")
            return
        sock.sendto(data, peer)
