"""A command on a terminal of its own, as a person would use it: type, wait for what it shows, change the window."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

_TAKE = "import fcntl,os,sys,termios; fcntl.ioctl(0,termios.TIOCSCTTY,0); os.execv(sys.argv[1],sys.argv[1:])"


class OnTerminal:
    """Started at once; killed at the end of a `with` block if it still runs."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None, size: tuple[int, int] = (24, 80),
                 **options: Any) -> None:  # fmt: skip
        self.ours, theirs = pty.openpty()
        self.resize(*size)
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TAKE, *command], stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, env=None if env is None else dict(env), **options,
        )  # fmt: skip
        self._theirs = theirs  # kept open: settings of a terminal that nobody has open are lost
        self.before = self.settings()

    def resize(self, rows: int, columns: int) -> None:
        """The window has another size."""
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def settings(self) -> list[Any]:
        """As termios has them."""
        return termios.tcgetattr(self.ours)

    def is_raw(self) -> bool:
        """Whether keys go through as they are."""
        return not self.settings()[3] & termios.ICANON

    def type(self, text: str) -> None:
        """Keys."""
        os.write(self.ours, text.encode())

    def until(self, text: str, seconds: float = 20) -> str:
        """What was shown since the last call until `text` was; fails where it does not come."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"{text!r} did not come, but {self.seen!r}"
            if select.select([self.ours], [], [], min(left, 0.2))[0]:
                self.seen += os.read(self.ours, 65536).decode("utf-8", "replace")
        shown, _, self.seen = self.seen.partition(text)
        return shown + text

    def ends(self, seconds: float = 20) -> int:
        """Its exit code, once it has ended; what it showed last is in `seen`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ready = select.select([self.ours], [], [], 0.05)[0]
            if ready:
                self.seen += os.read(self.ours, 65536).decode("utf-8", "replace")
            elif self.process.poll() is not None:
                return self.process.returncode
        raise AssertionError(f"it does not end; it showed {self.seen!r}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self._theirs)
