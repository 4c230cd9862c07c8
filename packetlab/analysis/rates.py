"""How much a capture carries over time: packets and bytes per interval, in memory that does not grow with it.

Nobody knows how long a capture lasts before its end (it may come through a pipe, and damaged times may lie
anywhere). So counting begins in microseconds and, whenever there would be more than MOST_BINS intervals, ten
become one. At the end intervals are joined to round lengths of 1, 2 or 5 times a power of ten, on the clock.
"""

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from packetlab.analysis.filter import Filter
from packetlab.analysis.plan import Column
from packetlab.capture.damage import Damage
from packetlab.capture.index import chunks
from packetlab.capture.source import CapturePath

MOST_BINS = 100_000
_FIRST = 1000  # nanoseconds


@dataclass(frozen=True, slots=True)
class Rates:
    """Packets and bytes of each interval from the first packet's to the last's; empty ones are there too."""

    interval: float
    """Seconds."""
    begin: float
    """Seconds from the first packet to the beginning of the first interval (not above 0, if times are in order)."""
    packets: Column
    """int64: per interval."""
    bytes: Column
    """int64: as they were on the wire."""
    damage: tuple[Damage, ...] = ()

    @property
    def time(self) -> Column:
        """float64: when each interval begins, in seconds after the first packet."""
        return self.begin + np.arange(len(self.packets)) * self.interval

    @property
    def packets_per_second(self) -> Column:
        """float64."""
        return self.packets / self.interval

    @property
    def bits_per_second(self) -> Column:
        """float64."""
        return self.bytes * 8 / self.interval


class _Counter:
    def __init__(self) -> None:
        self.width = _FIRST
        self.bins = np.empty((0, 3), np.int64)  # number of the interval, packets, bytes

    def add(self, time: Column, size: Column) -> None:
        order = np.argsort(time, kind="stable")
        number = time[order] // self.width
        self.bins = self._joined(np.stack([number, np.ones(len(number), np.int64), size[order].astype(np.int64)], 1))
        while len(self.bins) > MOST_BINS:
            self.width *= 10
            changed = self.bins.copy()
            changed[:, 0] //= 10
            self.bins = self._sums(changed)

    def _joined(self, more: Column) -> Column:
        both = np.concatenate([self.bins, self._sums(more)])
        return self._sums(both[np.argsort(both[:, 0], kind="stable")])

    @staticmethod
    def _sums(rows: Column) -> Column:
        """Rows in order of their numbers, those of equal numbers added."""
        if not len(rows):
            return rows
        begins = np.flatnonzero(np.r_[True, rows[1:, 0] != rows[:-1, 0]])
        made = np.add.reduceat(rows, begins, axis=0)
        made[:, 0] = rows[begins, 0]
        return made


def rates(
    source: CapturePath | BinaryIO, where: Filter | None = None, *, interval: float | None = None, count: int = 150
) -> Rates:
    """Packets and bytes over time, of the packets for which `where` holds.

    interval: seconds; if None, a round one that gives at most `count` intervals. Never more than 1 M intervals:
    then the interval is made longer.
    """
    import packetlab.protocols  # noqa: F401

    counter = _Counter()
    first: int | None = None
    with chunks(source) as index:
        for chunk in index:
            time, size = chunk.packets.time, chunk.packets.wire
            first = int(time[0]) if first is None else first
            if where is not None:
                keep = where.select(chunk, first)
                time, size = time[keep], size[keep]
            if len(time):
                counter.add(time, size)
        damage = tuple(index.damage)
    if not len(counter.bins) or first is None:
        return Rates(interval or 1.0, 0.0, np.empty(0, np.int64), np.empty(0, np.int64), damage)
    width = _round_width(counter, interval, count)
    number = counter.bins[:, 0] * counter.width // width
    low, high = int(number[0]), int(number[-1])
    packets, octets = np.zeros(high - low + 1, np.int64), np.zeros(high - low + 1, np.int64)
    np.add.at(packets, number - low, counter.bins[:, 1])
    np.add.at(octets, number - low, counter.bins[:, 2])
    return Rates(width / 1e9, (low * width - first) / 1e9, packets, octets, damage)


def _round_width(counter: _Counter, interval: float | None, count: int) -> int:
    """The length of an interval in nanoseconds."""
    span = int(counter.bins[-1, 0] - counter.bins[0, 0] + 1) * counter.width
    wanted = max(span // 1_000_000, counter.width)
    if interval is not None:
        return max(round(interval * 1e9), wanted)
    wanted = max(span // max(count, 1), counter.width)
    width = counter.width
    while True:
        for factor in (1, 2, 5):
            if width * factor >= wanted:
                return width * factor
        width *= 10
