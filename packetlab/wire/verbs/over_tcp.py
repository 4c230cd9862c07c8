"""What verbs over the kernel's own TCP share: the time of each stage."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the exchange and how long it took, in nanoseconds."""

    name: str
    duration: int
    text: str


class StageClock:
    """Measures stages, each from the end of the one before."""

    def __init__(self) -> None:
        self._last = time.monotonic_ns()
        self.stages: list[Stage] = []

    def begin(self) -> None:
        """The next stage begins now."""
        self._last = time.monotonic_ns()

    def stage(self, name: str, text: str) -> Stage:
        """A stage ends now."""
        now = time.monotonic_ns()
        made = Stage(name, now - self._last, text)
        self.stages.append(made)
        self._last = now
        return made
