"""How commands reach a background process of the same user, from the machine and from inside its networks.

The process listens on a socket without a file (an abstract name, unix(7)): it is gone with its process, whatever
ends it. A network namespace has names of its own, so the process listens in each of its hosts as well. Who may
speak is told by the kernel (SO_PEERCRED): the same user, on both sides. One request and one answer, in JSON, for
each connection; open files travel with the request.
"""

import json
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from packetlab.model.errors import PacketLabError

LARGEST = 16 << 20
MOST_FILES = 4


class SocketMaker(Protocol):
    """A host."""

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        """A socket in its network."""
        ...


class Gone(PacketLabError):
    """Nobody listens there."""


def _same_user(sock: socket.socket) -> bool:
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return bool(struct.unpack("3i", credentials)[1] == os.geteuid())


def _whole(sock: socket.socket, start: bytes = b"") -> bytes:
    """A message: four bytes of length, then so many bytes."""
    data = start
    while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
        if len(data) >= 4 and int.from_bytes(data[:4], "big") > LARGEST:
            raise Gone("an answer is too large")
        piece = sock.recv(1 << 16)
        if not piece:
            raise Gone("the lab's process ended before it answered")
        data += piece
    return data[4:]


def _packed(value: Any) -> bytes:
    data = json.dumps(value).encode()
    return len(data).to_bytes(4, "big") + data


class Request:
    """A connection to the background process, on which a request was sent."""

    def __init__(self, name: str, request: dict[str, Any], files: Sequence[int] = ()) -> None:
        """Sends it. Gone where nobody of this user listens."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect("\0" + name)
            if not _same_user(self._socket):
                raise Gone("another user's process listens there")
            data = _packed(request)
            sent = socket.send_fds(self._socket, [data], list(files))
            self._socket.sendall(data[sent:])
        except OSError as error:
            self._socket.close()
            raise Gone(f"nobody listens: {error.strerror}") from None
        except Gone:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Readable when the answer comes."""
        return self._socket.fileno()

    def answer(self, timeout: float | None = None) -> Any:
        """Waits for the answer. Gone where the process ends first or takes longer (s)."""
        self._socket.settimeout(timeout)
        try:
            with self._socket:
                return json.loads(_whole(self._socket))
        except OSError as error:
            raise Gone(f"the lab's process does not answer: {error}") from None

    def close(self) -> None:
        """Ends it without an answer."""
        self._socket.close()


Answer = Callable[[dict[str, Any], list[int], Callable[[], bool]], Any]
"""(request, open files, whether the client is gone) -> the answer."""


class ControlServer:
    """Listens under a name; each request is answered by a thread of its own."""

    def __init__(self, name: str, answer: Answer) -> None:
        self.name, self._answer = name, answer
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)
        self._inside: list[socket.socket] = []
        self._lock = threading.Lock()
        self._outside = self._listen(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        threading.Thread(target=self._run, name="control", daemon=True).start()

    def _listen(self, sock: socket.socket) -> socket.socket:
        try:
            sock.bind("\0" + self.name)
        except OSError:
            sock.close()
            raise PacketLabError("a lab is running already", remedy="packetlab lab stop") from None
        sock.listen(16)
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, sock)
        return sock

    def listen_in(self, hosts: Sequence[SocketMaker]) -> None:
        """Listen inside these hosts too, and no longer in those of the last call."""
        with self._lock:
            for sock in self._inside:
                self._selector.unregister(sock)
                sock.close()
            self._inside = [self._listen(host.socket(socket.AF_UNIX, socket.SOCK_STREAM)) for host in hosts]

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                try:
                    connection, _ = key.data.accept()
                except OSError:
                    continue
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        files: list[int] = []
        try:
            connection.settimeout(10)
            if not _same_user(connection):
                return
            data, files, _, _ = socket.recv_fds(connection, 1 << 16, MOST_FILES)
            request = json.loads(_whole(connection, data))

            def gone() -> bool:
                try:
                    return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
                except BlockingIOError:
                    return False
                except OSError:
                    return True

            try:
                answer = {"ok": self._answer(request, files, gone)}
            except PacketLabError as error:
                answer = {"error": str(error), "remedy": error.remedy, "exit_code": error.exit_code}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}", "remedy": "", "exit_code": 1}
            connection.sendall(_packed(answer))
        except (OSError, ValueError, Gone):
            pass  # the client went away, or is none of ours
        finally:
            for descriptor in files:
                os.close(descriptor)
            connection.close()

    def close(self) -> None:
        """Stop listening; requests under way go on."""
        self._wake_writer.send(b"x")
        self.listen_in([])
        self._outside.close()


def ask(name: str, request: dict[str, Any], files: Sequence[int] = (), timeout: float | None = 60) -> Any:
    """The answer to a request. Gone where nobody listens; PacketLabError as the other side raised it."""
    return understood(Request(name, request, files).answer(timeout))


def understood(answer: dict[str, Any]) -> Any:
    """The value of an answer, or its error raised."""
    if "error" in answer:
        error = PacketLabError(answer["error"], remedy=answer["remedy"])
        error.__dict__["exit_code"] = answer["exit_code"]
        raise error
    return answer["ok"]


def in_background(main: Callable[[Callable[[str], None]], None], patience: float = 60) -> None:
    """Runs `main` in a new process without terminal, and returns once it calls the function that it is given.

    It calls it with "" when it is ready, or with a reason. PacketLabError where it ends without a call.
    """
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            if os.fork():
                os._exit(0)  # the daemon shall not be a session leader, which could get a terminal by opening one
            os.close(readable)
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)

            def ready(reason: str) -> None:
                os.write(writable, b"!" + reason.encode())
                os.close(writable)

            main(ready)
            code = 0
        finally:
            os._exit(code)
    os.close(writable)
    os.waitpid(child, 0)
    data = b""
    deadline = time.monotonic() + patience
    with selectors.DefaultSelector() as selector:
        selector.register(readable, selectors.EVENT_READ)
        while selector.select(max(0, deadline - time.monotonic())):
            piece = os.read(readable, 65536)
            data += piece
            if not piece:
                break
    os.close(readable)
    if not data.startswith(b"!"):
        raise PacketLabError("the lab's process ended before it was ready", remedy="packetlab doctor")
    if reason := data[1:].decode():
        value = json.loads(reason)
        understood(value)
