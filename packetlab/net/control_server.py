"""Answering the commands of one user: what a background process that holds a network listens with.

A network namespace has abstract names of its own, so the process can listen inside its hosts as well. Processes of
other users are turned away; each request is answered by a thread of its own, up to MOST_CLIENTS of them.
"""

import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from packetlab.model.errors import PacketLabError, UsageError
from packetlab.net.channel import PATIENCE, Channel, Gone, as_message, is_same_user

MOST_CLIENTS = 64


class SocketMaker(Protocol):
    """A host."""

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        """A socket in its network."""
        ...


class Taken(UsageError):
    """Another process listens under that name."""


class Client:
    """Who asks: the open files that came with the request, and what is said while the answer is prepared."""

    def __init__(self, channel: Channel, files: list[int]) -> None:
        self._channel, self.files = channel, files

    def fileno(self) -> int:
        """Readable when it has something to say, or is gone."""
        return self._channel.fileno()

    def hear(self) -> dict[str, Any] | None:
        """What it says; None where it is gone."""
        try:
            message, files = self._channel.receive()
        except Gone:
            return None
        for descriptor in files:
            os.close(descriptor)
        return message if isinstance(message, dict) else {}

    def close_files(self) -> None:
        """They are the client's again, alone."""
        while self.files:
            os.close(self.files.pop())


@dataclass
class Last:
    """The answer of a process that will end: the client's connection stays open until it has."""

    value: Any
    end: Callable[[], object]
    """Called once the answer is on its way: an end that began before could be there first."""


Answer = Callable[[dict[str, Any], Client], Any]
"""(request, client) -> the answer: what JSON can say, a socket that is to be the client's, or a Last."""


class ControlServer:
    """Listens under one or more names, from the start; answers once `start` was called."""

    def __init__(self, name: str, answer: Answer) -> None:
        """Raises Taken."""
        self._answer = answer
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)
        self._names: list[str] = []
        self._outside: list[socket.socket] = []
        self._inside: list[socket.socket] = []
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(MOST_CLIENTS)
        self._kept: list[Channel] = []
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        try:
            self.listen_as(name)
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Begin to answer; who has asked before has waited until now."""
        self._thread.start()

    def listen_as(self, name: str) -> None:
        """Listen under one more name. Raises Taken."""
        self._outside.append(self._listen(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), name))
        self._names.append(name)

    def listen_in(self, hosts: Sequence[SocketMaker]) -> None:
        """Listen inside these hosts too, and no longer in those of the last call."""
        with self._lock:
            self._forget(self._inside)
            self._inside = [self._listen(host.socket(socket.AF_UNIX, socket.SOCK_STREAM), name)
                            for host in hosts for name in self._names]  # fmt: skip

    def _listen(self, sock: socket.socket, name: str) -> socket.socket:
        try:
            sock.bind("\0" + name)
        except OSError:
            sock.close()
            raise Taken(f"another process listens as {name}") from None
        sock.listen(MOST_CLIENTS)
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, sock)
        return sock

    def _forget(self, listening: list[socket.socket]) -> None:
        for sock in listening:
            self._selector.unregister(sock)
            sock.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                try:
                    connection, _ = key.data.accept()
                except OSError:
                    time.sleep(0.01)  # it went away; or we have too many files open, which takes time to change
                    continue
                self._receive(connection)

    def _receive(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        if not is_same_user(connection):
            connection.close()
        elif self._free.acquire(blocking=False):
            threading.Thread(target=self._serve, args=(Channel(connection),), daemon=True).start()
        else:
            with Channel(connection) as channel:
                _send(channel, as_message(PacketLabError(f"{MOST_CLIENTS} commands wait for an answer already")))

    def _serve(self, channel: Channel) -> None:
        try:
            request, files = channel.receive()
        except Gone:
            channel.close()
            self._free.release()
            return
        client = Client(channel, files)
        value = None
        try:
            channel.socket.settimeout(None)
            value = self._answer(request, client)
            message = {"ok": value.value if isinstance(value, Last) else value}
        except Exception as error:  # whatever it is, it is the client who must know
            message = as_message(error)
        finally:
            client.close_files()
            self._free.release()
        channel.socket.settimeout(PATIENCE)
        if isinstance(value, socket.socket):
            with value:
                _send(channel, {"ok": None}, [value.fileno()])
        else:
            _send(channel, message)
        if isinstance(value, Last):
            self._kept.append(channel)
            value.end()
        else:
            channel.close()

    def close(self) -> None:
        """Stop listening; requests under way go on."""
        if self._thread.is_alive():
            self._wake_writer.send(b"x")
            self._thread.join()
        with self._lock:
            self._forget(self._inside + self._outside)
            self._inside, self._outside = [], []
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()


def _send(channel: Channel, message: Any, files: Sequence[int] = ()) -> None:
    try:
        channel.send(message, files)
    except Gone:
        pass  # it did not wait
    except (TypeError, ValueError) as error:  # too large, or nothing that JSON can say
        channel.send(as_message(PacketLabError(f"the answer cannot be sent: {error}")))
