"""What all servers share: sockets in a host, one thread, a bound on everything, and a clean end.

The thread never waits for one peer. What a peer does not take is kept (see MAX_UNSENT), and while more than ENOUGH of
it waits, nothing more is read from that peer: TCP's own flow control then slows it down. Pauses are timers. The
connection that was idle for the longest makes room where MAX_CONNECTIONS are open. A stream server that is given a
TLS context speaks TLS: bytes pass through `ssl.SSLObject`s in memory, so no handshake is waited for.
"""

import errno
import selectors
import socket
import ssl
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from packetlab.model.errors import UsageError

MAX_CONNECTIONS = 64
"""Connections at a time."""
LOG_LIMIT = 1000
"""Entries of the log that are kept."""
LINE_LIMIT = 300
"""Characters of one entry."""
ENOUGH = 65_536
"""Bytes that wait for a peer while the server still makes more of them."""
MAX_UNSENT = 4 << 20
"""Bytes that wait for a peer at most; who lets more gather is dropped."""
STUCK = 30.0
"""Seconds without a byte taken, after which a peer that owes us its attention is dropped."""
FAREWELL = 2.0
"""Seconds in which a peer may end its side after we ended ours; what it still sends is read and thrown away, because
closing on top of it would send a reset, which can overtake our last words."""
SWEEP = 0.5
"""Seconds between looks at who is stuck."""


class SocketMaker(Protocol):
    """The part of a host that servers need."""

    @property
    def name(self) -> str:
        """What it is called, in errors."""
        ...

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        """A socket inside the host."""
        ...


@dataclass(slots=True)
class _Peer:
    """What is to be known of one connection."""

    since: float
    """When it last sent or took something; by the monotonic clock."""
    unsent: bytearray = field(default_factory=bytearray)
    is_held: bool = False
    """Nothing is read from it."""
    is_ending: bool = False
    """To be closed once all is sent."""
    said_goodbye: bool = False
    """Our side is closed; see FAREWELL."""
    events: int = 0
    """What the selector watches."""


class Server(ABC):
    """A server on one port of one host, IPv4 and IPv6, in a thread of its own while the `with` block runs."""

    kind: int = socket.SOCK_STREAM

    def __init__(self, host: SocketMaker, port: int) -> None:
        self.host, self.port = host, port
        self.log: deque[str] = deque(maxlen=LOG_LIMIT)
        self._selector: selectors.BaseSelector
        self._thread: threading.Thread | None = None
        self._open: dict[socket.socket, _Peer] = {}
        self._listeners: list[socket.socket] = []
        self._timers: dict[Any, tuple[float, Callable[[], None]]] = {}
        self._asked: deque[Callable[[], None]] = deque()
        self._is_over = False

    # ------------------------------------------------------------ beginning and end

    def __enter__(self) -> Self:
        self._is_over = False
        try:
            for family in (socket.AF_INET, socket.AF_INET6):
                sock = self._listen(family)
                if sock is not None:
                    self._listeners.append(sock)
        except BaseException:
            self._close_listeners()
            raise
        if not self._listeners:
            raise UsageError(f"no address of {self.host.name} can listen on port {self.port}")
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_writer.setblocking(False)
        for sock in self._listeners:
            self._selector.register(sock, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        name = f"{type(self).__name__} on {self.host.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._wake()
        if self._thread is not None:
            self._thread.join(timeout=5)
        for sock in [*self._open]:
            self.drop(sock)
        self._selector.close()
        self._close_listeners()
        for sock in (self._wake_reader, self._wake_writer):
            sock.close()
        self._timers.clear()
        self._asked.clear()

    def _close_listeners(self) -> None:
        for sock in self._listeners:
            sock.close()
        self._listeners = []

    def _listen(self, family: int) -> socket.socket | None:
        try:
            sock = self.host.socket(family, self.kind)
        except OSError:
            return None  # a host without this family
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(self.kind == socket.SOCK_STREAM))
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", self.port))
            if self.kind == socket.SOCK_STREAM:
                sock.listen(MAX_CONNECTIONS)
        except OSError as error:
            sock.close()
            if family == socket.AF_INET6 and error.errno != errno.EADDRINUSE:
                return None  # IPv6 may be switched off; IPv4 may not
            raise UsageError(f"{self.host.name} cannot listen on port {self.port}: {error.strerror}") from error
        sock.setblocking(False)
        return sock

    @property
    def is_running(self) -> bool:
        """Whether it serves."""
        return self._thread is not None and self._thread.is_alive()

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._is_over:
            for key, events in self._selector.select(self._patience()):
                sock: Any = key.fileobj
                if sock is self._wake_reader:
                    sock.recv(4096)
                elif sock in self._open:
                    self._guarded(sock, self._serve, sock, events)
                elif sock in self._listeners:
                    self._guarded(sock, self._on_listener, sock)
            while self._asked and not self._is_over:
                self._guarded(None, self._asked.popleft())
            now = time.monotonic()
            for owner, (due, function) in [*self._timers.items()]:
                if due <= now and owner in self._timers:
                    del self._timers[owner]
                    self._guarded(owner, function)
            self._sweep(now)

    def _guarded(self, owner: Any, function: Callable[..., None], *arguments: Any) -> None:
        """Whatever goes wrong with one peer is that peer's affair: it is written down, and the connection dropped."""
        try:
            function(*arguments)
        except Exception as error:
            self.note_line(str(error) if isinstance(error, OSError) else repr(error))
            if owner in self._open:
                self.drop(owner)

    def _patience(self) -> float | None:
        waits = [max(0.0, due - time.monotonic()) for due, _ in self._timers.values()]
        if any(peer.unsent or peer.said_goodbye for peer in self._open.values()):
            waits.append(SWEEP)
        return min(waits, default=None)

    def _sweep(self, now: float) -> None:
        for sock, peer in [*self._open.items()]:
            patience = FAREWELL if peer.said_goodbye else STUCK if peer.unsent else None
            if patience is not None and now - peer.since > patience:
                self.drop(sock)

    def _wake(self) -> None:
        try:
            self._wake_writer.send(b"x")
        except OSError:
            pass  # full: it is awake; closed: it is over

    def soon(self, function: Callable[[], None]) -> None:
        """Have the server's thread call `function`; for other threads."""
        self._asked.append(function)
        self._wake()

    def later(self, owner: Any, seconds: float, function: Callable[[], None]) -> None:
        """Call `function` in so many seconds; one at a time for each `owner`, and none once a connection is gone."""
        self._timers[owner] = (time.monotonic() + seconds, function)

    def note_line(self, text: str) -> None:
        """A line for the log; of a very long one its beginning."""
        self.log.append(text if len(text) <= LINE_LIMIT else text[: LINE_LIMIT - 3] + "...")

    # ------------------------------------------------------------ connections

    def _on_listener(self, sock: socket.socket) -> None:
        if self.kind == socket.SOCK_DGRAM:
            data, peer = sock.recvfrom(65535)
            self.datagram(sock, data, peer)
            return
        try:
            connection, peer = sock.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                # It would be ready again at once, and again: breathe.
                self._selector.unregister(sock)
                self.later(sock, SWEEP, lambda: self._listen_again(sock))
            raise
        if len(self._open) >= MAX_CONNECTIONS:
            self.drop(min(self._open, key=lambda one: self._open[one].since))
        connection.setblocking(False)
        self._open[connection] = _Peer(time.monotonic())
        self._watch(connection)
        self._guarded(connection, self.connected, connection, peer)

    def _listen_again(self, sock: socket.socket) -> None:
        self._selector.register(sock, selectors.EVENT_READ)

    def _serve(self, sock: socket.socket, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._write(sock)
        if events & selectors.EVENT_READ and sock in self._open:
            data = sock.recv(65535)
            peer = self._open[sock]
            if peer.said_goodbye:
                if not data:
                    self.drop(sock)
                return
            peer.since = time.monotonic()
            if data:
                self._arrived(sock, data)
                return
            self.ended(sock)
            if sock in self._open:
                self.hold(sock)
                self.finish(sock)

    def _arrived(self, sock: socket.socket, data: bytes) -> None:
        self.received(sock, data)

    def _watch(self, sock: socket.socket) -> None:
        """Let the selector watch for what can be done with a connection now."""
        peer = self._open[sock]
        reads = peer.said_goodbye or not (peer.is_held or peer.is_ending or len(peer.unsent) > ENOUGH)
        wanted = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if peer.unsent else 0)
        if wanted == peer.events:
            return
        if not peer.events:
            self._selector.register(sock, wanted)
        elif wanted:
            self._selector.modify(sock, wanted)
        else:
            self._selector.unregister(sock)
        peer.events = wanted

    def _write(self, sock: socket.socket) -> None:
        peer = self._open[sock]
        if peer.unsent:
            try:
                with memoryview(peer.unsent) as waiting:
                    count = sock.send(waiting[:1_000_000])
            except BlockingIOError:
                count = 0
            if count:
                del peer.unsent[:count]
                peer.since = time.monotonic()
        if peer.is_ending and not peer.unsent and not peer.said_goodbye:
            peer.said_goodbye, peer.since = True, time.monotonic()
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:  # the peer has gone with a reset
                self.drop(sock)
                return
        self._watch(sock)
        if not peer.unsent and not peer.is_ending:
            self.drained(sock)

    def send(self, sock: socket.socket, data: bytes) -> None:
        """Send all of it, now or as the peer takes it; a peer that is gone is left alone."""
        if self._thread is not None and threading.current_thread() is not self._thread:
            self.soon(lambda: self._put(sock, data))
        else:
            self._put(sock, data)

    def _put(self, sock: socket.socket, data: bytes) -> None:
        peer = self._open.get(sock)
        if peer is None or peer.is_ending or not data:
            return
        if len(peer.unsent) > MAX_UNSENT:
            self.note_line(f"more than {MAX_UNSENT} bytes wait for one connection: dropped")
            self.drop(sock)
            return
        was_empty = not peer.unsent
        peer.unsent += data
        if was_empty:
            peer.since = time.monotonic()
            try:
                count = sock.send(data)
            except BlockingIOError:
                count = 0
            except OSError as error:
                self.note_line(str(error))
                self.drop(sock)
                return
            del peer.unsent[:count]
        self._watch(sock)

    def is_drained(self, sock: socket.socket) -> bool:
        """Whether nothing waits to be sent on an open connection."""
        return sock in self._open and not self._open[sock].unsent

    def hold(self, sock: socket.socket, is_held: bool = True) -> None:
        """Read nothing more from a connection; False: read on."""
        if sock in self._open:
            self._open[sock].is_held = is_held
            self._watch(sock)

    def finish(self, sock: socket.socket) -> None:
        """Close one connection once all is sent."""
        peer = self._open.get(sock)
        if peer is None or peer.is_ending:
            return
        peer.is_ending = True
        self._write(sock)

    def abort(self, sock: socket.socket) -> None:
        """End one connection with a reset."""
        if sock in self._open:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.drop(sock)

    def drop(self, sock: Any) -> None:
        """Close one connection, and forget what waits for it."""
        peer = self._open.pop(sock, None)
        if peer is not None:
            self._timers.pop(sock, None)
            if peer.events:
                self._selector.unregister(sock)
            sock.close()

    # ------------------------------------------------------------ for servers to fill

    def connected(self, sock: socket.socket, peer: Any) -> None:  # noqa: B027
        """A client connected."""

    def received(self, sock: socket.socket, data: bytes) -> None:  # noqa: B027
        """Bytes arrived on a connection."""

    def drained(self, sock: socket.socket) -> None:  # noqa: B027
        """The peer has taken all that was sent."""

    def ended(self, sock: socket.socket) -> None:  # noqa: B027
        """The client closed its side; when this returns, what waits is sent and ours is closed."""

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
        plain = bytearray()
        try:
            if not self.is_ready:
                self.session.do_handshake()
                self.is_ready = True
            while True:
                piece = self.session.read(65535)
                if not piece:
                    return bytes(plain)
                plain += piece
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            return bytes(plain)

    def goodbye(self) -> bytes:
        """What says that nothing more comes (close_notify), so that a cut connection is not taken for an end."""
        try:
            if self.is_ready:
                self.session.unwrap()
        except ssl.SSLError:
            pass  # it waits for the peer's; ours is made
        return self.outgoing.read()


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
        """Close one connection, and forget what waits for it."""
        self._secured.pop(sock, None)
        super().drop(sock)

    def finish(self, sock: socket.socket) -> None:
        """Close one connection once all is sent."""
        secured = self._secured.get(sock)
        if secured is not None and sock in self._open:
            super()._put(sock, secured.goodbye())
        super().finish(sock)

    def _arrived(self, sock: socket.socket, data: bytes) -> None:
        secured = self._secured.get(sock)
        if secured is None:
            self.received(sock, data)
            return
        try:
            plain = secured.decrypt(data)
        except ssl.SSLError as error:
            self.note_line(f"TLS: {error.reason or error}")
            super()._put(sock, secured.outgoing.read())  # the alert that says why
            super().finish(sock)
            return
        super()._put(sock, secured.outgoing.read())
        if plain:
            self.received(sock, plain)

    def _put(self, sock: socket.socket, data: bytes) -> None:
        secured = self._secured.get(sock)
        if secured is not None and data:
            secured.session.write(data)
            data = secured.outgoing.read()
        super()._put(sock, data)

    def datagram(self, sock: socket.socket, data: bytes, peer: Any) -> None:
        """Never called."""
        raise AssertionError("a stream server has no datagrams")
