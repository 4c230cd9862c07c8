"""Damage: what of a capture file could not be read, where, and how much was lost.

A damaged file is data, never an exception and never silence. Every reader of this package keeps a
`DamageList` that grows while it reads. It is bounded: a hostile file could hold a fault every few bytes, so beyond
`MOST_ENTRIES` places only the sums go on.
"""

from collections.abc import Iterable
from dataclasses import dataclass

MOST_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged place. Offsets count from 0 in the file (in the unpacked data where it is compressed)."""

    offset: int
    what: str
    """One sentence without a full stop: what is wrong there."""
    bytes_lost: int = 0
    packets_lost: int | None = 0
    """Packets that were lost here; None where nobody can know."""

    def __str__(self) -> str:
        lost = "an unknown number of packets" if self.packets_lost is None else _packets(self.packets_lost)
        return f"offset {self.offset}: {self.what}; lost {self.bytes_lost} bytes, {lost}"


def _packets(count: int) -> str:
    return "1 packet" if count == 1 else f"{count} packets"


class DamageList(list[Damage]):
    """The damaged places in the order of the file; beyond `MOST_ENTRIES` the last entry sums up the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.left_out = 0
        """Places that have no entry of their own."""

    def note(self, offset: int, what: str, bytes_lost: int = 0, packets_lost: int | None = 0) -> None:
        """Adds one place, or adds it to the sums in the last entry where the list is full."""
        if len(self) < MOST_ENTRIES:
            self.append(Damage(offset, what, bytes_lost, packets_lost))
            return
        self.left_out += 1
        last = self[-1]
        packets = None
        if last.packets_lost is not None and packets_lost is not None:
            packets = last.packets_lost + packets_lost
        what = f"{self.left_out + 1} damaged places from here on"
        self[-1] = Damage(last.offset, what, last.bytes_lost + bytes_lost, packets)

    def take(self, entries: Iterable[Damage]) -> None:
        """Notes several places."""
        for entry in entries:
            self.note(entry.offset, entry.what, entry.bytes_lost, entry.packets_lost)

    @property
    def bytes_lost(self) -> int:
        """Bytes of the file that are part of nothing that was read."""
        return sum(entry.bytes_lost for entry in self)

    @property
    def packets_lost(self) -> int | None:
        """Packets lost; None where that is not known of some place."""
        counts = [entry.packets_lost for entry in self]
        return None if None in counts else sum(count or 0 for count in counts)
