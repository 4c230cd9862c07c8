"""Timing in interleaved rounds, and the table of ratios."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: ours against another's, in seconds, and what is asked of the ratio."""

    title: str
    other: str
    ours: float
    theirs: float
    at_least: float | None = None
    """The other must take this many times as long as we do."""
    at_most: float | None = None
    """We may take this many times as long as the other."""
    below: float | None = None
    """We must stay under so many seconds."""

    @property
    def ratio(self) -> float:
        """How many times as long the other takes."""
        return self.theirs / self.ours if self.ours else 0.0

    @property
    def met(self) -> bool:
        return (
            (self.at_least is None or self.ratio >= self.at_least)
            and (self.at_most is None or self.ours <= self.at_most * self.theirs)
            and (self.below is None or self.ours < self.below)
        )

    def line(self) -> str:
        wanted = ""
        if self.at_least is not None:
            wanted = f">= {self.at_least:g} x as quick"
        elif self.at_most is not None:
            wanted = f"<= {self.at_most:g} x its time"
        elif self.below is not None:
            wanted = f"under {self.below:g} s"
        factor = (
            f"{self.ratio:9.2f} x"
            if self.theirs and self.at_most is None
            else f"{self.ours / (self.theirs or 1):9.2f} x"
        )
        if not self.theirs:
            factor = " " * 11
        sense = "time" if self.at_most is not None else "speed"
        verdict = "" if not wanted else "met" if self.met else "MISSED"
        return (
            f"{self.title:34} {self.other:16} {time_text(self.ours):>10} {time_text(self.theirs):>10} "
            f"{factor} {sense:5}  {wanted:20} {verdict}"
        )


def time_text(seconds: float) -> str:
    if not seconds:
        return "-"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.2f} us"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


HEAD = f"{'what':34} {'against':16} {'packetlab':>10} {'other':>10} {'ratio':>11} {'of':5}  {'asked':20}"


def fastest(
    contestants: Mapping[str, Callable[[], object]], *, rounds: int = 15, seconds: float = 0.02
) -> dict[str, float]:
    """Seconds per call of each contestant: its fastest of `rounds` interleaved rounds of about `seconds` each."""
    repeats = {}
    for name, function in contestants.items():
        function()
        started = time.perf_counter()
        function()
        repeats[name] = max(1, int(seconds / max(time.perf_counter() - started, 1e-7)))
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, function in contestants.items():
            count = range(repeats[name])
            started = time.perf_counter()
            for _ in count:
                function()
            best[name] = min(best[name], (time.perf_counter() - started) / len(count))
    return best
