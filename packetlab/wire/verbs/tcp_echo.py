"""tcp_echo: takes connections on a port, and sends every byte back on the one it came by."""

import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from packetlab.wire.host import Host, LocalHost
from packetlab.wire.loop import Stop
from packetlab.wire.verbs.listening import listening_socket, plain_address

MOST_CONNECTIONS = 64
"""Connections served at a time; more wait in the kernel."""
PIECE = 65_536
"""Bytes read from a connection at a time; no more are read while they have not gone back."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What happened on a connection, or (`kind` "listening") the port that we listen on."""

    kind: Literal["listening", "opened", "data", "closed", "reset"]
    address: str = ""
    port: int = 0
    data: bytes = b""


@dataclass(slots=True)
class _Peer:
    sock: socket.socket
    address: str
    port: int
    waiting: bytes = b""

    def heard(self, kind: Literal["opened", "data", "closed", "reset"], data: bytes = b"") -> Heard:
        return Heard(kind, self.address, self.port, data)


def tcp_echo(
    port: int = 0, *, via: Host | None = None, count: int | None = None, seconds: float | None = None,
    stop: Stop | None = None,
) -> Iterator[Heard]:  # fmt: skip
    """Listen on a port (0: any free one) and send back what comes; yields what happens.

    Ends after `count` connections have ended, or so many `seconds`, or when asked to stop; open ones are closed.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    peers: dict[socket.socket, _Peer] = {}
    left = count
    with listening_socket(via or LocalHost(), socket.SOCK_STREAM, port) as listener, selectors.PollSelector() as poll:
        listener.setblocking(False)
        if stop is not None:
            poll.register(stop, selectors.EVENT_READ)
        try:
            yield Heard("listening", port=listener.getsockname()[1])
            while (left is None or left > 0) and not (stop is not None and stop.asked):
                patience = None if deadline is None else deadline - time.monotonic()
                if patience is not None and patience <= 0:
                    return
                _ask(poll, listener, selectors.EVENT_READ if len(peers) < MOST_CONNECTIONS else 0)
                for key, _ in poll.select(patience):
                    if key.fileobj is listener:
                        if (new := _accept(listener)) is not None:
                            peers[new.sock] = new
                            poll.register(new.sock, selectors.EVENT_READ)
                            yield new.heard("opened")
                    elif (peer := peers.get(key.fileobj)) is not None:  # type: ignore[call-overload]
                        told = _serve(peer)
                        if told is None or told.kind == "data":
                            _ask(poll, peer.sock, selectors.EVENT_WRITE if peer.waiting else selectors.EVENT_READ)
                        else:
                            poll.unregister(peer.sock)
                            del peers[peer.sock]
                            peer.sock.close()
                            left = None if left is None else left - 1
                        if told is not None:
                            yield told
        finally:
            for peer in peers.values():
                peer.sock.close()


def _ask(poll: selectors.PollSelector, sock: socket.socket, events: int) -> None:
    """Wait for these events of a socket, or for none."""
    known = sock in poll.get_map()
    if known and not events:
        poll.unregister(sock)
    elif known and poll.get_key(sock).events != events:
        poll.modify(sock, events)
    elif not known and events:
        poll.register(sock, events)


def _accept(listener: socket.socket) -> _Peer | None:
    try:
        sock, address = listener.accept()
    except OSError:
        return None  # it was gone before we took it
    sock.setblocking(False)
    return _Peer(sock, plain_address(address[0]), address[1])


def _serve(peer: _Peer) -> Heard | None:
    """Send back what waits, or read what has come."""
    data = b""
    try:
        if not peer.waiting:
            data = peer.waiting = peer.sock.recv(PIECE)
            if not data:
                return peer.heard("closed")
        with suppress(BlockingIOError):
            peer.waiting = peer.waiting[peer.sock.send(peer.waiting) :]
    except BlockingIOError:
        return None
    except OSError:
        return peer.heard("reset")
    return peer.heard("data", data) if data else None
