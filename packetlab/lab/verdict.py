"""What a check says: pass, not yet or inconclusive, each with the frames that say so.

A check makes statements through its evidence (evidence.py); the first that does not hold ends it. A verdict keeps
them all, with the numbers of their frames in the capture that was written, and shows itself in 80 columns.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from packetlab.model.addresses import ip_text, mac_text
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate
from packetlab.show.fold import folded
from packetlab.show.safe import safe_text

if TYPE_CHECKING:
    from packetlab.analysis.filter import Filter

Kind = Literal["pass", "not yet", "inconclusive", "skipped"]
MARKS = {"pass": "PASS", "not yet": "NOT YET", "inconclusive": "INCONCLUSIVE", "skipped": "SKIPPED"}
SHOWN = 6
"""Frames quoted with one statement."""


class Seen:
    """A frame of the evidence: its bytes, its packet, where and when it was seen. `seen[TCP].flags` is a field."""

    __slots__ = ("_fits", "_packet", "frame", "place")

    def __init__(self, frame: Frame, place: str, packet: Packet | None = None) -> None:
        self.frame, self.place = frame, place
        self._packet = packet
        self._fits: dict[str, bool] = {}

    def fits(self, test: "Filter") -> bool:
        """Whether a display filter holds; found out once, as those who wait for a frame ask again and again."""
        found = self._fits.get(test.text)
        if found is None:
            found = self._fits[test.text] = test.matches(self.packet, self.frame)
        return found

    @property
    def packet(self) -> Packet:
        """The decapsulated packet."""
        if self._packet is None:
            frame = self.frame
            self._packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
        return self._packet

    @property
    def time(self) -> int:
        """Nanoseconds since 1970, by the kernel's clock."""
        return self.frame.time

    @property
    def number(self) -> int:
        """In the capture of this step, from 1."""
        return self.frame.number

    @property
    def direction(self) -> str:
        """ "in" or "out", as seen from its place."""
        return self.frame.direction

    @property
    def data(self) -> bytes:
        """The whole frame."""
        return self.frame.data

    @property
    def payload(self) -> bytes:
        """What no header has claimed."""
        return self.packet.payload

    def __getitem__(self, kind: Any) -> Any:
        return self.packet[kind]

    def __contains__(self, kind: Any) -> bool:
        return self.packet.get(kind) is not None

    def text(self, kind: type[Header], name: str) -> str:
        """A field as people write it: addresses as 10.0.0.2 or 02:1f:40:11:22:33, anything else as `str` has it."""
        value = getattr(self.packet[kind], name)
        if isinstance(value, bytes) and len(value) in (4, 6, 16):
            return mac_text(value) if len(value) == 6 else ip_text(value)
        return str(value)

    def line(self, zero: int | None = None) -> str:
        """Number, place, IP addresses and summary, for people; the milliseconds since `zero` (ns) if it is given."""
        from packetlab.show.summary import endpoints, summary

        arrow = {"in": "<-", "out": "->", "": "--"}[self.direction]
        source, target = endpoints(self.packet)
        words = summary(self.packet)
        if any(header.pseudo for header in self.packet.layers):
            words = f"{source} > {target} " + words.replace(f" {source} -> {target}", "", 1)
        when = "" if zero is None else f" {(self.time - zero) / 1e6:9.3f}"
        return f"{self.number:>4}{when}  {self.place} {arrow} {words}"

    def __repr__(self) -> str:
        return f"<{self.line().strip()}>"


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a check found out."""

    ok: bool
    expected: str
    seen: str
    why: str = ""
    frames: tuple[Seen, ...] = ()

    def lines(self, width: int) -> list[str]:
        """What holds, in a line; what does not, with the frames that say so. A known mistake has these alone."""
        if self.ok:
            where = f" (frame {_numbers(self.frames)})" if self.frames else ""
            return wrapped(f"{self.why or self.expected}{where}", width, "  ok  ", "      ")
        lines = []
        for name, words in (("expected", self.expected), ("seen", self.seen), ("because", self.why)):
            if words:
                lines += wrapped(words, width, f"  {name:<10}", "            ")
        for seen in self.frames[:SHOWN]:
            lines += folded("    " + " ".join(safe_text(seen.line()).split()), width, 10)
        if len(self.frames) > SHOWN:
            lines.append(f"    ... and {len(self.frames) - SHOWN} more")
        return lines


@dataclass(slots=True)
class Verdict:
    """The outcome of one check."""

    kind: Kind
    step: str
    statements: list[Statement] = field(default_factory=list)
    message: str = ""
    """The diagnosis of a known mistake, or why nothing can be said."""
    capture: str = ""
    """The file of the frames; "" where none was written."""
    seed: int = 0
    output: str = ""
    """What the learner's program printed, where that may help."""
    failed_at: str = ""
    """The line of the learner's file that raised what ended the program, as words; "" where nothing did."""
    after: str = ""

    @property
    def passed(self) -> bool:
        return self.kind == "pass"

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        said = [{"ok": s.ok, "expected": s.expected, "seen": s.seen, "why": s.why,
                 "frames": [{"number": f.number, "place": f.place, "time": f.time, "summary": f.line().strip()}
                            for f in s.frames[:SHOWN]]} for s in self.statements]  # fmt: skip
        return {"verdict": self.kind, "step": self.step, "message": self.message, "statements": said,
                "capture": self.capture, "seed": self.seed, "output": self.output}  # fmt: skip

    def text(self, width: int = 80) -> str:
        """The verdict as plain text."""
        lines = [f"{MARKS[self.kind]}: {self.step}"]
        if self.message:
            lines += wrapped(self.message, width, "  ")
        for statement in self.statements:
            lines += statement.lines(width)
        if self.output and not self.passed:
            if self.failed_at:
                lines += wrapped(f"your program failed in {self.failed_at}", width, "  ", "    ")
            lines.append("  your program said:")
            lines += [f"    | {line}"[:width] for line in self.output.splitlines()[-12:]]
        if self.capture and not self.passed:
            told = f"  all frames: packetlab show {self.capture}"
            # In two lines it is still one command, to be copied as it is.
            lines += [told] if len(told) <= width else ["  all frames: packetlab show \\", f"    {self.capture}"]
        return "\n".join(lines)


def _numbers(frames: Sequence[Seen]) -> str:
    shown = ", ".join(map(str, sorted(frame.number for frame in frames)[:SHOWN]))
    return shown + (", ..." if len(frames) > SHOWN else "")


def wrapped(text: str, width: int, first: str, rest: str = "") -> list[str]:
    """Lines of at most `width`, safe for a terminal."""
    clean = safe_text(" ".join(text.split()))
    return textwrap.wrap(clean, width, initial_indent=first, subsequent_indent=rest or first,
                         break_on_hyphens=False, break_long_words=True) or [first.rstrip()]  # fmt: skip


class NotYet(Exception):
    """A check's statement does not hold. `message` is the diagnosis of a known mistake."""

    def __init__(self, statement: Statement | None = None, message: str = "") -> None:
        super().__init__(message or (statement.expected if statement else ""))
        self.statement, self.message = statement, message


class Inconclusive(Exception):
    """The capture cannot be trusted, so nothing can be said."""
