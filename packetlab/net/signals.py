"""Signals as something to wait for, beside what else is awaited: Ctrl-C, a new size of the terminal, an end."""

import os
import signal
from collections.abc import Sequence
from typing import Any, Self


class Signals:
    """While a `with` block is active these signals do nothing but become readable here.

    Those that are ignored stay ignored (nohup), and in a thread that gets no signals nothing comes.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._readable, self._writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            for number in self._numbers:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._came)
        except ValueError:  # not the main thread
            pass
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        os.close(self._readable)
        os.close(self._writable)

    def _came(self, number: int, _: object) -> None:
        try:
            os.write(self._writable, bytes([number]))
        except BlockingIOError:
            pass  # thousands of them wait already

    def fileno(self) -> int:
        """Readable when one has come."""
        return self._readable

    def read(self) -> list[int]:
        """Those that came since the last call, in order."""
        try:
            return list(os.read(self._readable, 4096))
        except BlockingIOError:
            return []
