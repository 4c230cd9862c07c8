"""What the rules see of a connection, what they say, and the words for numbers in it."""

from dataclasses import dataclass, field
from typing import Literal

from packetlab.analysis.tcp_health.account import Side
from packetlab.analysis.tcp_health.analyser import Conversation

Severity = Literal["error", "warning", "note"]
WEIGHTS: dict[Severity, int] = {"error": 100, "warning": 10, "note": 1}


@dataclass(frozen=True, slots=True)
class Statement:
    """Something to say of a connection."""

    name: str
    severity: Severity
    text: str
    """What was seen, with numbers."""
    why: str
    """What it means."""
    advice: str
    """What to look at next."""
    packets: list[int] = field(default_factory=list)
    """Numbers of the packets that show it, the first ones."""


@dataclass(slots=True)
class Case:
    """One connection as the rules see it."""

    sides: tuple[Side, Side]
    names: tuple[str, str]
    known: Conversation
    round_trip: int | None
    """Of the handshake, in nanoseconds."""
    duration: int
    is_ipv6: bool
    after: int
    """Nanoseconds from its last packet to the end of the capture."""

    @property
    def main(self) -> int:
        """The direction that carries more."""
        return int(self.sides[1]["payload"] > self.sides[0]["payload"])

    @property
    def path(self) -> int | None:
        """The best guess at the path's round trip in nanoseconds: the handshake, or the shortest acknowledgement."""
        if self.round_trip is not None:
            return self.round_trip
        return max((trip for side in self.sides if (trip := side.lowest("least_trip")) is not None), default=None)


def times(count: int, one: str, many: str = "") -> str:
    """1 segment, 2,000 segments."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def span(nanoseconds: float) -> str:
    """A time with three digits."""
    for unit, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if abs(nanoseconds) >= unit:
            value = nanoseconds / unit
            return f"{value:.3g} {name}" if value < 1000 else f"{value:,.0f} {name}"
    return f"{nanoseconds:.0f} ns"


def size(octets: float) -> str:
    """Bytes with three digits."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if octets >= unit:
            return f"{octets / unit:.3g} {name}"
    return f"{octets:.0f} bytes"


def rate(bits: float) -> str:
    """Bits per second with three digits."""
    for unit, name in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if bits >= unit:
            return f"{bits / unit:.3g} {name}"
    return f"{bits:.0f} bit/s"


def part(share: float) -> str:
    """A share as a percentage with two digits."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
