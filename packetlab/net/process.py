"""A command that runs in a virtual host. Looks like `subprocess.Popen`, but the holder is its parent."""

import contextlib
import errno
import os
import select
import selectors
import signal
import struct
import subprocess
import time
from collections.abc import Sequence
from typing import IO, Any

from packetlab.model.errors import PacketLabError, UsageError
from packetlab.net.namespaces import HolderError, Namespaces

PIPE, DEVNULL, STDOUT = subprocess.PIPE, subprocess.DEVNULL, subprocess.STDOUT
MOST_OUTPUT = 256 << 20
"""Bytes that are collected of what a command prints."""
_CHUNK = 65536


class Process:
    """A running command; `pid` counts inside its network. Killed when the network closes.

    It leads a session of its own; with `terminal`, its stdin is that session's terminal.
    """

    def __init__(
        self,
        namespaces: Namespaces,
        node: int,
        command: Sequence[str],
        *,
        stdin: int | IO[Any] | None = DEVNULL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        env: dict[str, str],
        cwd: str,
        terminal: bool = False,
    ) -> None:
        self.args = [os.fspath(part) for part in command]
        self.returncode: int | None = None
        self._status = -1
        self._namespaces = namespaces
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        ours: list[int] = []
        theirs: list[int] = []
        passed: list[int] = []
        try:
            for number, wanted in enumerate((stdin, stdout, stderr)):
                passed.append(self._stream(number, wanted, ours, theirs, passed))
            ended, status = os.pipe()
            ours.append(ended)
            theirs.append(status)
            self.pid: int = namespaces.ask(
                "spawn", node, self.args, env, cwd, terminal, descriptors=(*passed, status)
            )[0]
        except BaseException as error:
            for descriptor in ours:
                os.close(descriptor)
            if isinstance(error, HolderError) and error.number:
                raise _cannot_run(self.args, cwd, error) from None
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self._status = ended
        pipes = iter(ours)
        self.stdin = os.fdopen(next(pipes), "wb", 0) if stdin == PIPE else None
        self.stdout = os.fdopen(next(pipes), "rb", 0) if stdout == PIPE else None
        self.stderr = os.fdopen(next(pipes), "rb", 0) if stderr == PIPE else None

    def _stream(self, number: int, wanted: int | IO[Any] | None, ours: list[int], theirs: list[int],
                passed: list[int]) -> int:  # fmt: skip
        if wanted is None:
            return number
        if not isinstance(wanted, int):
            return wanted.fileno()
        if wanted == PIPE:
            readable, writable = os.pipe()
            ours.append(writable if number == 0 else readable)
            theirs.append(readable if number == 0 else writable)
            return theirs[-1]
        if wanted == DEVNULL:
            theirs.append(os.open(os.devnull, os.O_RDWR))
            return theirs[-1]
        return passed[1] if wanted == STDOUT else wanted

    def __del__(self) -> None:
        status = getattr(self, "_status", -1)
        if status >= 0:
            self._status = -1
            os.close(status)

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        if self.poll() is None:
            self.kill()
        self.wait()
        self._close()

    def _close(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream and not stream.closed:
                stream.close()

    def fileno(self) -> int:
        """Readable when it has ended; -1 once that is known."""
        return self._status

    def poll(self) -> int | None:
        """The exit code, or None while it runs; -9 is death by signal 9."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises subprocess.TimeoutExpired after `timeout` seconds."""
        if self.returncode is not None:
            return self.returncode
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        if not poll.poll(None if timeout is None else int(timeout * 1000)):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        data = os.read(self._status, 4)
        os.close(self._status)
        self._status = -1
        # Nothing to read: the holder is gone, and the kernel killed all that ran with it.
        self.returncode = struct.unpack("i", data)[0] if len(data) == 4 else -signal.SIGKILL
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal to the command and its children (its process group)."""
        if self.poll() is None:
            try:
                self._namespaces.ask("kill", self.pid, int(number))
            except HolderError:
                pass  # it ended meanwhile
            except UsageError:
                pass  # so did the network

    def signal_group(self, number: int) -> None:
        """Sends a signal to the command and its children; to these also where it has ended and left them behind.

        Not for a command that ended long ago without any: its number may be that of another group by now.
        """
        with contextlib.suppress(HolderError, UsageError):  # there is none any more, or no network
            self._namespaces.ask("kill_group", self.pid, int(number))

    def terminate(self) -> None:
        """Asks it to end (SIGTERM)."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it (SIGKILL)."""
        self.send_signal(signal.SIGKILL)

    def _take(self, descriptor: int, into: bytearray) -> bool:
        """Takes what was printed; False where that was the end."""
        piece = os.read(descriptor, _CHUNK)
        into += piece
        if len(into) > MOST_OUTPUT:
            self.kill()
            raise PacketLabError(f"{self.args[0]} was ended as it printed more than {MOST_OUTPUT >> 20} MiB",
                                 remedy="send what it prints to a file or to DEVNULL")  # fmt: skip
        return bool(piece)

    def communicate(self, data: bytes = b"", timeout: float | None = None) -> tuple[bytes, bytes]:
        """Feeds `data` to its stdin, collects what it prints until it ends: (stdout, stderr).

        PacketLabError where that is more than MOST_OUTPUT; the command is killed then.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        collected: dict[Any, bytearray] = {self.stdout: bytearray(), self.stderr: bytearray()}
        stream: Any
        rest = memoryview(data)
        with selectors.DefaultSelector() as selector:
            for stream in (self.stdout, self.stderr):
                if stream:
                    selector.register(stream, selectors.EVENT_READ)
            if self.stdin:
                if rest:
                    os.set_blocking(self.stdin.fileno(), False)
                    selector.register(self.stdin, selectors.EVENT_WRITE)
                else:
                    self.stdin.close()
            while selector.get_map():
                left = None if deadline is None else deadline - time.monotonic()
                ready = selector.select(left) if left is None or left > 0 else []
                if not ready:
                    out, err = bytes(collected[self.stdout]), bytes(collected[self.stderr])
                    raise subprocess.TimeoutExpired(self.args, timeout or 0, out, err)
                for key, _ in ready:
                    stream = key.fileobj
                    if stream is self.stdin:
                        rest = _feed(key.fd, rest)
                        finished = not rest
                    else:
                        finished = not self._take(key.fd, collected[stream])
                    if finished:
                        selector.unregister(stream)
                        stream.close()
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return bytes(collected[self.stdout]), bytes(collected[self.stderr])


def _feed(descriptor: int, rest: memoryview) -> memoryview:
    try:
        return rest[os.write(descriptor, rest[:_CHUNK]) :]
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        return rest[:0]


def _cannot_run(command: list[str], folder: str, error: HolderError) -> UsageError:
    if not os.path.isdir(folder):  # noqa: PTH112
        return UsageError(f"there is no folder {folder!r} to run {command[0]} in")
    # A folder in the PATH that may not be read makes "permission denied" of a program that is nowhere.
    missing = "/" not in command[0] and error.number in (errno.ENOENT, errno.EACCES)
    reason = "there is no such program" if missing else str(error)
    return UsageError(f"cannot run {command[0]!r}: {reason}", remedy="install it, or check its spelling and the PATH")
