"""A terminal for a command that another process starts, and the relay between it and ours.

Such a command cannot belong to our terminal's session. It gets a terminal of its own (pty(7)) with the size and
settings of ours, and is the leader of a session there, so that Ctrl-C and job control are between it and its
children. Ours is raw for that time: each key goes there, and whatever ends us, ours is as it was before.
"""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from packetlab.net.signals import Signals

_KEYS = 4096
"""Bytes that wait for a command that does not read; more are left with our terminal."""
_LATE = 0.05
"""Seconds of silence, after the end, in which output may still be on its way through the kernel."""
_AT_MOST = 1.0
"""Seconds in which output is passed on after the end: a command in the background may print for ever."""
_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_OURS = (*_ENDS, signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT)
_MODES = re.compile(rb"\x1b\[\?([0-9;]{1,20})([hl])")
_ON_BEFORE = {b"7", b"25"}
"""Lines wrap, the cursor is seen."""


class Started(Protocol):
    """A command that runs."""

    def fileno(self) -> int:
        """Readable when it has ended."""
        ...


T = TypeVar("T", bound=Started)


def is_ours() -> bool:
    """Whether our input, output and errors are a terminal, which can be relayed."""
    return all(os.isatty(number) for number in (0, 1, 2))


def relayed(start: Callable[[int], T]) -> T:
    """Calls `start` with a new terminal for its command, and relays until that has ended; what `start` gave.

    A signal that would end us ends the relay, and then us. The modes that a program has set in our terminal (another
    screen, a hidden cursor, reports of the mouse) and could not set back, as it was killed, are set back.
    """
    sys.stdout.flush()
    ours, theirs = pty.openpty()
    with _Relay(ours) as relay:
        try:
            relay.resize()
            termios.tcsetattr(theirs, termios.TCSANOW, relay.before)
            relay.be_raw()
            started = start(theirs)
        finally:
            os.close(theirs)
        number = relay.run(started)
    if number:
        signal.raise_signal(number)  # with the handler that it had before
    return started


class _Relay:
    def __init__(self, there: int) -> None:
        self.there = there
        self.before: list[Any] = termios.tcgetattr(0)
        self.signals = Signals(_OURS)
        self.keys = b""
        self.changed: dict[bytes, bytes] = {}
        self.tail = b""

    def __enter__(self) -> "_Relay":
        os.set_blocking(self.there, False)
        self.signals.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.set_modes_back()
        self.be_as_before()
        self.signals.__exit__()
        os.close(self.there)

    def be_raw(self) -> None:
        tty.setraw(0, termios.TCSADRAIN)

    def be_as_before(self) -> None:
        with contextlib.suppress(termios.error):  # the terminal has gone
            termios.tcsetattr(0, termios.TCSADRAIN, self.before)

    def note_modes(self, data: bytes) -> None:
        """Keeps in mind which modes of the terminal (DEC private modes) are other than before."""
        data = self.tail + data
        for modes, setting in _MODES.findall(data):
            for mode in modes.split(b";"):
                if (setting == b"h") == (mode in _ON_BEFORE):
                    self.changed.pop(mode, None)
                else:
                    self.changed[mode] = b"l" if setting == b"h" else b"h"
        self.tail = data[data.rfind(b"\x1b", -24) :] if b"\x1b" in data[-24:] else b""

    def set_modes_back(self) -> None:
        if self.changed:
            with contextlib.suppress(OSError):
                os.write(1, b"".join(b"\x1b[?%b%b" % each for each in self.changed.items()) + b"\x1b[m\r\n")

    def resize(self) -> None:
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self.there, termios.TIOCSWINSZ, size)

    def run(self, started: Started) -> int:
        """Until the command has ended and all its output has come; or the signal that shall end us."""
        while True:
            sources: list[Any] = [self.there, started, self.signals, *([0] if len(self.keys) < _KEYS else [])]
            ready, writable, _ = select.select(sources, [self.there] if self.keys else [], [])
            if self.signals in ready:
                for number in self.signals.read():
                    if number in _ENDS:
                        return number
                    self.answer(number)
            if self.there in ready and not self.show():
                return 0
            if started in ready:
                self.drain()
                return 0
            if 0 in ready:
                typed = self.typed()
                if not typed:
                    return int(signal.SIGHUP)
                self.keys += typed
            if writable:
                self.keys = self.keys[os.write(self.there, self.keys) :]

    def answer(self, number: int) -> None:
        if number == signal.SIGTSTP:
            self.be_as_before()
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            if number == signal.SIGCONT:
                self.be_raw()
            self.resize()

    def typed(self) -> bytes:
        try:
            return os.read(0, _KEYS)
        except OSError:
            return b""

    def show(self) -> bool:
        """Passes on what the command has printed; False where it can print no more."""
        try:
            data = os.read(self.there, 65536)
        except BlockingIOError:
            return True
        except OSError:  # nobody has the other end open
            return False
        self.note_modes(data)
        while data:
            data = data[os.write(1, data) :]
        return True

    def drain(self) -> None:
        end = time.monotonic() + _AT_MOST
        while select.select([self.there], [], [], _LATE)[0] and time.monotonic() < end:
            if not self.show():
                return
