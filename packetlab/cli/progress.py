"""A progress bar for long work: on standard error, only where that is a terminal, and only after a second."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Advance = Callable[[float], None]
"""Called with how much is done, from 0 to 1; safe to call often."""

_PATIENCE = 1.0


@contextmanager
def progress(doing: str) -> Iterator[Advance]:
    """Show how far work has come: `with progress("reading") as advance: ... advance(done / total)`."""
    if not sys.stderr.isatty():
        yield lambda part: None
        return
    started = time.monotonic()
    shown: list[Any] = []

    def advance(part: float) -> None:
        if not shown:
            if time.monotonic() - started < _PATIENCE:
                return
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            bar = Progress(
                TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            bar.start()
            shown.extend((bar, bar.add_task(doing, total=1.0)))
        shown[0].update(shown[1], completed=min(max(part, 0.0), 1.0))

    try:
        yield advance
    finally:
        if shown:
            shown[0].stop()
