"""Reports on connections: what is the matter with each, in sentences that say what it means.

The sums of a connection (account.py) are shown to each rule (rules.py, endings.py); a rule that has something to say
gives statements with the packets that show it, why it is so, and where to look next. Nothing is said that the
numbers do not carry: thresholds stand beside the rules.
"""

from dataclasses import dataclass, field
from typing import BinaryIO

from packetlab.analysis.filter import Filter
from packetlab.analysis.segments import Endpoints
from packetlab.analysis.tcp_health import analyser, endings, rules
from packetlab.analysis.tcp_health.account import Side, Sums
from packetlab.analysis.tcp_health.analyser import Analyser, Conversation
from packetlab.analysis.tcp_health.statement import WEIGHTS, Case, Statement
from packetlab.capture.damage import Damage
from packetlab.capture.index import chunks
from packetlab.capture.source import CapturePath
from packetlab.model.errors import UsageError

MOST_REPORTS = 5_000
"""Connections that are reported on: those of which most was found, if there are more."""


@dataclass(slots=True)
class StreamHealth:
    """One connection: its numbers, and what is to be said of it, worst first."""

    stream: int
    endpoints: Endpoints
    client: str
    """Endpoint as text: who sent the connection's first packet; `server` is the other."""
    server: str
    sides: tuple[Side, Side]
    """Sums of what the client sent, and of what the server sent."""
    handshake: int | None
    """Nanoseconds from the SYN to the acknowledgement that ended the handshake; None if it was not seen."""
    duration: int
    """Nanoseconds from the first to the last packet."""
    limited_by: str | None
    """What held the transfer back: "application", "receiver", "receiver window", "loss", "network"; or not known."""
    statements: list[Statement] = field(default_factory=list)

    @property
    def score(self) -> int:
        """How much is the matter: 0 for nothing."""
        return sum(WEIGHTS[one.severity] for one in self.statements)

    def throughput(self, side: int) -> float | None:
        """Payload bits per second of one direction, over the whole connection; None for a moment."""
        return self.sides[side]["payload"] * 8e9 / self.duration if self.duration > 0 else None


@dataclass(slots=True)
class HealthReport:
    """What `reports` gives."""

    streams: list[StreamHealth]
    """Most trouble first."""
    count: int
    """Connections in the capture."""
    left_out: int
    """Segments that were not judged."""
    damage: tuple[Damage, ...]


def reports(
    source: CapturePath | BinaryIO, where: Filter | None = None, *, stream: int | None = None
) -> HealthReport:
    """A report on each TCP connection of a capture (or on one: `stream`), the one with most trouble first.

    Raises UsageError if there is no such connection. `where` leaves packets out of what is counted; all are judged.
    With more than MOST_REPORTS connections only those of which most was found are reported on.
    """
    judged = Analyser()
    sums = Sums()
    first_time: int | None = None
    with chunks(source) as index:
        for chunk in index:
            part = judged.read(judged.reader.read(chunk))
            if where is not None:
                first_time = int(chunk.packets.time[0]) if first_time is None else first_time
                part = analyser.chosen(part, where.select(chunk, first_time)[part.segments.row])
            sums.add(part, judged.conversations)
        damage = tuple(index.damage)
    if stream is not None and not 0 <= stream < len(judged.conversations):
        highest = len(judged.conversations) - 1
        raise UsageError(
            f"there is no TCP connection {stream}",
            remedy=f"connections count from 0 to {highest}" if highest >= 0 else "there is no TCP in it at all",
        )
    return _report(judged, sums, damage, stream)


def _report(judged: Analyser, sums: Sums, damage: tuple[Damage, ...], only: int | None = None) -> HealthReport:
    sums.end()
    count = min(len(judged.conversations), sums.size // 2)
    made = []
    end = int(sums.arrays["last_time"].max()) if sums.size else 0
    chosen = [only] if only is not None and only < count else sums.troubled(count, MOST_REPORTS)
    for stream in chosen:
        sides = sums.of(stream)
        if sides[0]["packets"] or sides[1]["packets"]:
            made.append(_stream(stream, sides, judged.conversations[stream], judged.reader.streams[stream], end))
    made.sort(key=lambda one: (-one.score, one.stream))
    return HealthReport(made, len(judged.conversations), judged.left_out + judged.reader.left_out, damage)


def _stream(
    stream: int, sides: tuple[Side, Side], known: Conversation, ends: Endpoints, capture_end: int
) -> StreamHealth:
    last = max(side["last_time"] for side in sides if side["packets"])
    duration = max(0, last - min(side["first_time"] for side in sides))
    handshake = known.handshake if known.handshake > 0 else None
    case = Case(
        sides, (ends.text(0), ends.text(1)), known, handshake, duration, len(ends.src) == 16,
        max(0, capture_end - last),
    )  # fmt: skip
    statements = [one for rule in (*endings.RULES, *rules.RULES) for one in rule(case)]
    limited_by, why = rules.limit(case)
    statements += why
    statements.sort(key=lambda one: -WEIGHTS[one.severity])
    return StreamHealth(
        stream, ends, ends.text(0), ends.text(1), sides, handshake, duration, limited_by, statements
    )  # fmt: skip
