"""What all servers share: sockets in a host, one thread, a bound on everything, and a clean end.

A stream server that is given a TLS context speaks TLS: bytes pass through `ssl.SSLObject`s in memory, so that the
one thread never waits for a peer's handshake.
"""

import selectors
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections import deque
from types import TracebackType
from typing import Any, Protocol, Self

from packetlab.model.errors import UsageError

MAX_CONNECTIONS = 64
"""Connections at a time; more wait in the kernel's backlog."""
LOG_LIMIT = 1000
"""Entries of the log that are kept."""


class SocketMaker(Protocol):
    """The part of a host that servers need."""

    name: str

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        """A socket inside the host."""
        ...


class Server(ABC):
    """A server on one port of one host, IPv4 and IPv6, in a thread of its own while the `with` block runs."""

    kind: int = socket.SOCK_STREAM

    def __init__(self, host: SocketMaker, port: int) -> None:
        self.host, self.port = host, port
        self.log: deque[str] = deque(maxlen=LOG_LIMIT)
        self._selector: selectors.BaseSelector
        self._thread: threading.Thread | None = None
        self._open: set[socket.socket] = set()
        self._listeners: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._listeners = [sock for sock in map(self._listen, (socket.AF_INET, socket.AF_INET6)) if sock is not None]
        if not self._listeners:
            raise UsageError(f"no address of {self.host.name} can listen on port {self.port}")
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        for sock in self._listeners:
            self._selector.register(sock, selectors.EVENT_READ, self._on_listener)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)
        name = f"{type(self).__name__} on {self.host.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake_writer.send(b"x")
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._selector.close()
        for sock in (*self._open, *self._listeners, self._wake_reader, self._wake_writer):
            sock.close()

    def _listen(self, family: int) -> socket.socket | None:
        try:
            sock = self.host.socket(family, self.kind)
        except OSError:
            return None  # a host without this family
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", self.port))
        except OSError as error:
            sock.close()
            if family == socket.AF_INET6:
                return None  # IPv6 may be switched off; IPv4 may not
            raise UsageError(f"{self.host.name} cannot listen on port {self.port}: {error.strerror}") from error
        if self.kind == socket.SOCK_STREAM:
            sock.listen(MAX_CONNECTIONS)
        sock.setblocking(False)
        return sock

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake_reader:
                    return
                try:
                    key.data(key.fileobj)
                except OSError as error:  # a peer that went away is its own affair
                    self.log.append(f"{error}")
                    if key.fileobj in self._open:
                        self.drop(key.fileobj)

    def _on_listener(self, sock: socket.socket) -> None:
        if self.kind == socket.SOCK_DGRAM:
            data, peer = sock.recvfrom(65535)
            self.datagram(sock, data, peer)
            return
        connection, peer = sock.accept()
        if len(self._open) >= MAX_CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        self._open.add(connection)
        self._selector.register(connection, selectors.EVENT_READ, self._on_connection)
        self.connected(connection, peer)

    def _on_connection(self, sock: socket.socket) -> None:
        data = sock.recv(65535)
        if data:
            self.received(sock, data)
        else:
            self.ended(sock)
            self.drop(sock)

    def send(self, sock: socket.socket, data: bytes) -> None:
        """Send all of it; a peer that does not read for two seconds is dropped."""
        sock.settimeout(2)
        try:
            sock.sendall(data)
        finally:
            sock.setblocking(False)

    def drop(self, sock: Any) -> None:
        """Close one connection."""
        if sock in self._open:
            self._open.discard(sock)
            self._selector.unregister(sock)
            sock.close()

    def connected(self, sock: socket.socket, peer: Any) -> None:  # noqa: B027
        """A client connected."""

    def received(self, sock: socket.socket, data: bytes) -> None:  # noqa: B027
        """Bytes arrived on a connection."""

    def ended(self, sock: socket.socket) -> None:  # noqa: B027
        """The client closed its side."""

    @abstractmethod
    def datagram(self, sock: socket.socket, data: bytes, peer: Any) -> None:
        """A datagram arrived."""


class _Secured:
    """One connection under TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.is_ready = False

    def decrypt(self, data: bytes) -> bytes:
        """What the bytes that arrived say; nothing while the handshake goes on. SSLError where they are no TLS."""
        self.incoming.write(data)
        plain = b""
        try:
            if not self.is_ready:
                self.session.do_handshake()
                self.is_ready = True
            while True:
                piece = self.session.read(65535)
                if not piece:
                    return plain
                plain += piece
        except ssl.SSLWantReadError:
            return plain
        except ssl.SSLZeroReturnError:
            return plain


class StreamServer(Server):
    """A server that speaks TCP only, under TLS where it is given a context (see certificates.py)."""

    def __init__(self, host: SocketMaker, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(host, port)
        self.tls = tls
        self._secured: dict[socket.socket, _Secured] = {}

    def connected(self, sock: socket.socket, peer: Any) -> None:
        """A client connected."""
        if self.tls is not None:
            self._secured[sock] = _Secured(self.tls)

    def drop(self, sock: Any) -> None:
        """Close one connection."""
        self._secured.pop(sock, None)
        super().drop(sock)

    def _on_connection(self, sock: socket.socket) -> None:
        secured = self._secured.get(sock)
        if secured is None:
            return super()._on_connection(sock)
        data = sock.recv(65535)
        if not data:
            self.ended(sock)
            return self.drop(sock)
        try:
            plain = secured.decrypt(data)
        except ssl.SSLError as error:
            self.log.append(f"TLS: {error.reason or error}")
            self._flush(sock, secured)  # the alert that says why
            return self.drop(sock)
        self._flush(sock, secured)
        if plain:
            self.received(sock, plain)
        return None

    def send(self, sock: socket.socket, data: bytes) -> None:
        """Send all of it; a peer that does not read for two seconds is dropped."""
        secured = self._secured.get(sock)
        if secured is None:
            return super().send(sock, data)
        secured.session.write(data)
        return self._flush(sock, secured)

    def _flush(self, sock: socket.socket, secured: _Secured) -> None:
        waiting = secured.outgoing.read()
        if waiting:
            super().send(sock, waiting)

    def datagram(self, sock: socket.socket, data: bytes, peer: Any) -> None:
        """Never called."""
        raise AssertionError("a stream server has no datagrams")
