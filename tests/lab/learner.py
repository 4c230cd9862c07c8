"""A learner at the command line, with a state folder of their own."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from packetlab.lab.format import labs_folder


class Learner:
    """`must("start", "arp")` runs `packetlab lab start arp`; a lab that still runs at the end is stopped."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environment = dict(os.environ) | {"XDG_STATE_HOME": str(state)}

    def folder(self, lab: str) -> Path:
        """Where a lab's files are."""
        return labs_folder() / lab

    def says(self, *words: str, **options: str) -> "subprocess.CompletedProcess[str]":
        """What `packetlab lab ...` says."""
        command = [sys.executable, "-m", "packetlab.cli.main", "lab", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=self.environment,
                              stdin=subprocess.DEVNULL)  # fmt: skip

    def must(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """The same, and it has to work."""
        done = self.says(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.says("stop")
