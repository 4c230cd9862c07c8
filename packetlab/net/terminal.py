"""A terminal for a command that another process starts: a pseudo-terminal, and a relay between it and ours."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading
import tty
from collections.abc import Callable


def relayed(run: Callable[[int], int]) -> int:
    """Calls `run` with a terminal of its own, and passes everything between that and ours; its result."""
    master, slave = pty.openpty()
    ours = sys.stdin.fileno()
    before = termios.tcgetattr(ours)
    codes: list[int] = []

    def call() -> None:
        try:
            codes.append(run(slave))
        finally:
            os.close(slave)

    def resize(*_: object) -> None:
        size = fcntl.ioctl(ours, termios.TIOCGWINSZ, struct.pack("4H", 0, 0, 0, 0))
        fcntl.ioctl(master, termios.TIOCSWINSZ, size)

    resize()
    told = signal.signal(signal.SIGWINCH, resize)
    worker = threading.Thread(target=call, daemon=True)
    try:
        tty.setraw(ours)
        worker.start()
        _relay(master, ours, worker)
    finally:
        termios.tcsetattr(ours, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, told)
        os.close(master)
    worker.join(1)
    return codes[0] if codes else 1


def _relay(master: int, ours: int, worker: threading.Thread) -> None:
    while True:
        ready, _, _ = select.select([master, ours], [], [], 0.2)
        if master in ready:
            try:
                data = os.read(master, 65536)
            except OSError:  # EIO: the last that had it open has closed it
                return
            if not data:
                return
            os.write(1, data)
        elif not worker.is_alive():
            return
        if ours in ready:
            data = os.read(ours, 65536)
            if not data:
                return
            os.write(master, data)
