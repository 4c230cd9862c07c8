"""A command on a host of the running lab, its output read line by line."""

import os
import subprocess
import threading
from collections.abc import Iterator

from packetlab.lab.watch.commands import Typed

COLUMNS = 76
"""What the window has on a terminal of 80; wider lines are not read more easily."""
LONGEST = 2000
"""Bytes of a line that are read at once: a program that never ends its line fills no memory."""


class Command:
    """Started by `lines`, which gives what it prints until it has ended; then `code` is its exit code."""

    def __init__(self, typed: Typed, columns: int = COLUMNS) -> None:
        """`columns`: how many of them a line of its output can have."""
        self.typed, self.columns = typed, min(columns, COLUMNS)
        self.code: int | None = None
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def lines(self) -> Iterator[str]:
        """What it prints, standard error included; a line that does not end comes in pieces."""
        import sys

        # The client that joins a host is a process of its own, so that stopping it is all that stopping takes.
        words = self.typed.words if not self.typed.host else [
            sys.executable, "-m", "packetlab.cli.main", "lab", "shell", self.typed.host, "--", *self.typed.words
        ]  # fmt: skip
        plain = dict(os.environ) | {"TERM": "dumb", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1",
                                   "COLUMNS": str(self.columns)}  # fmt: skip
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=plain) as process:  # fmt: skip
            self._process = process
            if self._stopped.is_set():
                process.terminate()
            assert process.stdout
            while line := process.stdout.readline(LONGEST):
                yield line.decode("utf-8", "replace").rstrip("\r\n")
            self.code = process.wait()

    def stop(self) -> None:
        """Ends it, now or as soon as it starts."""
        self._stopped.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
