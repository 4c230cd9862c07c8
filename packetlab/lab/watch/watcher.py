"""Follows a running lab: its step, its frames as they come, and when it is time to look whether the step is done."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packetlab.lab.verdict import Seen
from packetlab.model.frame import Frame

MOST_ROWS = 2000
"""Frames that are kept; the newest."""
QUIET = 0.3
"""Seconds without a new frame after which an automatic check looks: commands have come to an end."""
PATIENCE = 1.5
"""Seconds after which it looks even though frames go on coming."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the list: a frame, or (`seen` is None) a line between two attempts."""

    seen: Seen | None
    seconds: float = 0.0
    """Since the first frame of the attempt."""
    text: str = ""


class Watcher:
    """What a screen needs to know. `ask` is session.request; all methods may wait for the lab and none draws."""

    def __init__(self, ask: Callable[..., Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self.status: dict[str, Any] = ask("status")
        self.rows: deque[Row] = deque(maxlen=MOST_ROWS)
        self._attempt, self._since, self._zero = 0, 0, 0
        self._newest = self._oldest = clock()
        """When the newest frame, and the oldest that no automatic check has seen, were told of."""
        self._unjudged = False
        self._file_time = self._modified()

    @property
    def frames(self) -> int:
        """How many frames of this attempt have come."""
        return self._since

    def ask(self, do: str, **arguments: Any) -> Any:
        """A command of the lab's process; the status is up to date afterwards."""
        answer = self._ask(do, **arguments)
        self.refresh()
        return answer

    def refresh(self) -> None:
        """Asks where the learner is."""
        step = self.status["step"]
        self.status = self._ask("status")
        if self.status["step"] != step:
            self._file_time = self._modified()

    def poll(self) -> list[Row]:
        """The rows that are new since the last call."""
        told = self._ask("live", since=self._since, attempt=self._attempt)
        found = []
        if told["step"] != self.status["step"]:
            self.refresh()
        if told["attempt"] != self._attempt:
            if self.rows:
                found.append(Row(None, text=f"a new attempt: {self.status['step_title']}"))
            self._attempt, self._zero, self._unjudged = told["attempt"], 0, False
        # Each interface is listened to on its own; in order of time, frames have the numbers that verdicts give them.
        in_order = sorted(told["frames"], key=lambda row: row[0])
        for number, (when, place, direction, link_type, length, data) in enumerate(in_order, told["since"] + 1):
            frame = Frame(bytes.fromhex(data), when, length, link_type, place, direction, number=number)
            self._zero = self._zero or when
            found.append(Row(Seen(frame, place), max(0, when - self._zero) / 1e9))
        self._since = told["since"] + len(told["frames"])
        if told["frames"]:
            self._newest = self._clock()
            if not self._unjudged:
                self._unjudged, self._oldest = True, self._newest
        self.rows.extend(found)
        return found

    def automatic_verdict(self, width: int = 80) -> dict[str, Any] | None:
        """Looks whether the step is done, when frames have come and it is a step that needs no more; else None."""
        now = self._clock()
        if not (self.status["automatic"] and self._unjudged):
            return None
        if now - self._newest < QUIET and now - self._oldest < PATIENCE:
            return None
        self._unjudged = False
        answer: dict[str, Any] = self._ask("check", quiet=True, width=width)
        if answer["verdict"] == "pass":
            self.refresh()
        return answer

    def _modified(self) -> int:
        """When the learner's file was last written, in nanoseconds; 0 where the step has none."""
        try:
            return Path(self.status["file"]).stat().st_mtime_ns if self.status["file"] else 0
        except OSError:
            return 0

    def file_was_saved(self) -> bool:
        """Whether the learner's file was written since the last call."""
        before, self._file_time = self._file_time, self._modified()
        return bool(self._file_time) and self._file_time != before
