"""Messages between two processes of one user: JSON, with open files, over a socket with an abstract name.

An abstract name (unix(7)) is no file: it is gone with its process, whatever ends that. Who is at the other end is
told by the kernel (SO_PEERCRED), and both ends look. A message is four bytes of length, then so many bytes of JSON;
open files travel with its first byte. Errors travel with what the command line needs: cause, remedy, exit code.
"""

import array
import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any, Self

from packetlab.model.errors import PacketLabError, PrivilegeError, UsageError

LARGEST = 16 << 20
"""Bytes of a message."""
MOST_FILES = 4
PATIENCE = 10.0
"""Seconds in which a message that has begun must be over."""

_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
_KINDS: dict[int, type[PacketLabError]] = {2: UsageError, 3: PrivilegeError}


class Gone(UsageError):
    """The other side is not there, or no longer."""


def is_same_user(sock: socket.socket) -> bool:
    """Whether the process at the other end is one of our own user."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(credentials)[1] == os.geteuid())


class Channel:
    """One end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def fileno(self) -> int:
        """Readable when the other side has said something, or has gone."""
        return self.socket.fileno()

    def send(self, message: Any, files: Sequence[int] = ()) -> None:
        """Raises Gone where nobody takes it."""
        data = json.dumps(message).encode()
        if len(data) > LARGEST:
            raise UsageError(f"a message of {len(data)} bytes is larger than can be ({LARGEST})")
        data = len(data).to_bytes(4, "big") + data
        try:
            sent = socket.send_fds(self.socket, [data], files) if files else 0
            if sent < len(data):  # sending nothing would fail where the answer has come and the other side has gone
                self.socket.sendall(data[sent:])
        except OSError as error:
            raise Gone(error.strerror or str(error)) from None

    def receive(self) -> tuple[Any, list[int]]:
        """The next message and its open files, which are the caller's to close; Gone where there is none."""
        files: list[int] = []
        try:
            length = int.from_bytes(self._exactly(4, files), "big")
            if length > LARGEST:
                raise Gone("it said too much at once")
            return json.loads(self._exactly(length)), files
        except (OSError, ValueError, Gone) as error:
            for descriptor in files:
                os.close(descriptor)
            raise error if isinstance(error, Gone) else Gone(f"it broke off ({error})") from None

    def _exactly(self, length: int, files: list[int] | None = None) -> bytes:
        pieces = []
        while length:
            if files is None:
                piece = self.socket.recv(min(length, 1 << 18))
            else:
                piece, more = self._with_files(length)
                files += more
            if not piece:
                raise Gone("it ended")
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def _with_files(self, length: int) -> tuple[bytes, list[int]]:
        # socket.recv_fds passes on no flags: what it receives, a child process would inherit.
        room, files = socket.CMSG_LEN(MOST_FILES * 4), array.array("i")
        piece, notes, _, _ = self.socket.recvmsg(length, room, socket.MSG_CMSG_CLOEXEC)
        for level, kind, note in notes:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                files.frombytes(note[: len(note) - len(note) % 4])
        return piece, files.tolist()

    def close(self) -> None:
        """The other side sees it."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def as_message(error: Exception) -> dict[str, Any]:
    """An error, to be raised by `value_of` at the other side."""
    if isinstance(error, PacketLabError):
        return {"error": str(error), "remedy": error.remedy, "exit_code": error.exit_code}
    if isinstance(error, OSError) and error.errno:
        return {"error": error.strerror or str(error), "errno": error.errno}
    return {"error": f"{type(error).__name__}: {error}", "remedy": "", "exit_code": 1}


def value_of(message: Any) -> Any:
    """The value of an answer; its error is raised."""
    if "error" not in message:
        return message["ok"]
    if "errno" in message:
        raise OSError(message["errno"], message["error"])
    raise _KINDS.get(message["exit_code"], PacketLabError)(message["error"], remedy=message["remedy"])
