"""What is in a capture, at a glance: counts, sizes, times, protocols, who talks most, damage.

One pass over the file in chunks; everything is counted from columns, and memory does not grow with packets. Each
`SummaryCollector` can be added to another one, so that several processes can share a file.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from packetlab.analysis.columns import Scan
from packetlab.analysis.filter import Filter
from packetlab.analysis.flow_counts import FlowCounts, new_secret
from packetlab.analysis.flow_spells import append_counts
from packetlab.analysis.flows import FlowCollector, Layer
from packetlab.analysis.parallel import Told, gather
from packetlab.analysis.plan import Column
from packetlab.capture.damage import Damage
from packetlab.capture.index import Chunk
from packetlab.capture.sections import Comment, Interface
from packetlab.capture.source import CapturePath
from packetlab.model.addresses import ip_text
from packetlab.model.header import Header

SIZES = (20, 40, 80, 160, 320, 640, 1280, 2560, 5120)
"""Where the next class of packet sizes begins."""
MOST_BINS = 256
MOST_PATHS = 10_000
"""Different stacks of protocols that are told apart; a hostile capture may nest them at will."""
OTHER_PATHS = ("other",)

_PAIRS: tuple[Layer, ...] = ("ip", "ipv6")
_CLASS_OF_SIZE = np.searchsorted(SIZES, np.arange(SIZES[-1] + 1), side="right").astype(np.uint8)


@dataclass(slots=True)
class ProtocolCount:
    """Packets in which a protocol stands on certain others."""

    path: tuple[str, ...]
    """As ("ethernet", "ipv4", "tcp"): the last is the one that is counted."""
    packets: int
    bytes: int


@dataclass(slots=True)
class InterfaceCount:
    interface: Interface
    packets: int
    bytes: int


@dataclass(slots=True)
class Talker:
    """What an IP address sent and received."""

    address: str
    packets_sent: int
    bytes_sent: int
    packets_received: int
    bytes_received: int

    @property
    def bytes(self) -> int:
        return self.bytes_sent + self.bytes_received


@dataclass(slots=True)
class Summary:
    """The answers; sizes in bytes on the wire unless they say otherwise, times in nanoseconds."""

    name: str
    format: str
    packets: int
    bytes: int
    bytes_captured: int
    packets_cut: int
    """Packets of which the capture holds only the beginning."""
    first: int | None
    """Time of the earliest packet, since 1970; None without packets."""
    last: int | None
    in_order: bool
    """No packet is older than the one before it."""
    link_types: dict[int, int]
    """LINKTYPE number: packets."""
    interfaces: list[InterfaceCount]
    sizes: list[tuple[int, int | None, int]]
    """(smallest, largest, packets) of each class of sizes."""
    protocols: list[ProtocolCount]
    """Each protocol behind the ones around it, as a tree is printed."""
    talkers: list[Talker]
    """The most bytes first."""
    addresses: int
    """Different IP addresses."""
    bin_width: int
    bins: list[tuple[int, int, int]]
    """Traffic over time: (beginning, packets, bytes) of stretches of `bin_width`, the empty ones too."""
    comments: list[Comment] = field(default_factory=list)
    dropped: int | None = None
    """Packets that the capturing side says it lost; None where it says nothing."""
    damage: list[Damage] = field(default_factory=list)

    @property
    def duration(self) -> int:
        return (self.last or 0) - (self.first or 0)


class Bins:
    """Traffic over time in at most MOST_BINS stretches whose width, a power of two, grows as needed."""

    def __init__(self) -> None:
        self.shift = 10
        self.start = 0
        self.counts = np.zeros((0, 2), np.int64)

    def add(self, times: Column, sizes: Column) -> None:
        """Count packets at these times."""
        low, high = int(times.min()), int(times.max())
        self._reach(low, high)
        where = (times >> self.shift) - self.start
        length = len(self.counts)
        self.counts[:, 0] += np.bincount(where, minlength=length)
        self.counts[:, 1] += np.bincount(where, sizes, minlength=length).astype(np.int64)

    def append(self, other: "Bins") -> None:
        """Count what another has counted."""
        if len(other.counts):
            width = 1 << other.shift
            self._reach(other.start * width, (other.start + len(other.counts)) * width - 1, other.shift)
            where = (np.arange(len(other.counts)) + other.start >> self.shift - other.shift) - self.start
            np.add.at(self.counts, where, other.counts)

    def _reach(self, low: int, high: int, shift: int = 0) -> None:
        if len(self.counts):
            low = min(low, self.start << self.shift)
            high = max(high, (self.start + len(self.counts) << self.shift) - 1)
        new = max(self.shift, shift)
        while (high >> new) - (low >> new) >= MOST_BINS:
            new += 1
        start, length = low >> new, (high >> new) - (low >> new) + 1
        if (new, start, length) == (self.shift, self.start, len(self.counts)):
            return
        grown = np.zeros((length, 2), np.int64)
        if len(self.counts):
            where = (np.arange(len(self.counts)) + self.start >> new - self.shift) - start
            np.add.at(grown, where, self.counts)
        self.shift, self.start, self.counts = new, start, grown


class SummaryCollector:
    """Gathers chunk after chunk; two can be added."""

    def __init__(self, secret: tuple[int, int] | None = None) -> None:
        secret = secret or new_secret()
        self.packets = self.bytes = self.bytes_captured = self.packets_cut = 0
        self.first: int | None = None
        self.last: int | None = None
        self.first_seen: int | None = None
        self.last_seen: int | None = None
        self.in_order = True
        self.link_types: dict[int, int] = {}
        self.interfaces: dict[int, list[int]] = {}
        self.sizes = np.zeros(len(SIZES) + 1, np.int64)
        self.paths: dict[tuple[str, ...], list[int]] = {}
        self.bins = Bins()
        self.pairs = {layer: FlowCollector(layer, secret) for layer in _PAIRS}

    def add(self, chunk: Chunk, chosen: Column | None = None) -> None:
        """Count the packets of a chunk, or the `chosen` ones (a boolean per packet)."""
        packets = chunk.packets
        if chosen is not None:
            packets = packets.where(chosen)
        count = len(packets)
        if not count:
            return
        wire = packets.wire.astype(np.int64)
        self.packets += count
        self.bytes += int(wire.sum())
        self.bytes_captured += int(packets.captured.sum(dtype=np.int64))
        self.packets_cut += int((packets.captured < packets.wire).sum())
        self._times(packets.time)
        self.bins.add(packets.time, wire)
        self.sizes += np.bincount(_CLASS_OF_SIZE[np.minimum(wire, SIZES[-1])], minlength=len(self.sizes))
        for number, found in _counted(packets.link_type):
            self.link_types[number] = self.link_types.get(number, 0) + found
        for number, found in _counted(packets.interface):
            mine = wire if found == count else wire[packets.interface == number]
            _count(self.interfaces, number, found, int(mine.sum()))
        scan = Scan(chunk, (), visited=(Header,), quoted=False)
        for visit in scan.visits:
            rows = visit.rows if chosen is None else visit.rows[chosen[visit.rows]]
            if len(rows):
                sizes = wire if chosen is None and len(rows) == count else chunk.packets.wire[rows]
                path = tuple(_name(cls) for cls in visit.path)
                if path not in self.paths and len(self.paths) >= MOST_PATHS:
                    path = OTHER_PATHS
                _count(self.paths, path, len(rows), int(sizes.sum(dtype=np.int64)))
        for pairs in self.pairs.values():
            pairs.add(chunk, chosen, scan)

    def _times(self, times: Column) -> None:
        low, high = int(times.min()), int(times.max())
        if self.in_order and (np.any(times[1:] < times[:-1]) or times[0] < (self.last_seen or times[0])):
            self.in_order = False
        if self.first_seen is None:
            self.first_seen = int(times[0])
        self.last_seen = int(times[-1])
        self.first = low if self.first is None else min(self.first, low)
        self.last = high if self.last is None else max(self.last, high)

    def append(self, other: "SummaryCollector", packets_before: int) -> None:
        """Count what another has counted of the packets behind these."""
        if other.first is None or other.last is None or other.first_seen is None:
            return
        self.packets += other.packets
        self.bytes += other.bytes
        self.bytes_captured += other.bytes_captured
        self.packets_cut += other.packets_cut
        self.in_order &= other.in_order and (self.last_seen is None or other.first_seen >= self.last_seen)
        self.first_seen = other.first_seen if self.first_seen is None else self.first_seen
        self.last_seen = other.last_seen
        self.first = other.first if self.first is None else min(self.first, other.first)
        self.last = other.last if self.last is None else max(self.last, other.last)
        for number, found in other.link_types.items():
            self.link_types[number] = self.link_types.get(number, 0) + found
        for number, (found, size) in other.interfaces.items():
            _count(self.interfaces, number, found, size)
        for path, (found, size) in other.paths.items():
            _count(self.paths, path if path in self.paths or len(self.paths) < MOST_PATHS else OTHER_PATHS, found, size)
        self.sizes += other.sizes
        self.bins.append(other.bins)
        for layer, pairs in self.pairs.items():
            append_counts(pairs.counts, other.pairs[layer].counts, packets_before)

    def summary(self, told: Told, *, talkers: int = 10) -> Summary:
        """What was gathered, and what the file says besides its packets. Nothing can be added behind it."""
        both = [_talkers(pairs.counts, talkers) for pairs in self.pairs.values()]
        found = sorted((talker for some, _ in both for talker in some), key=lambda one: (-one.bytes, one.address))
        bounds = [0, *SIZES, None]
        latest = {one.interface: one for one in told.statistics}
        dropped = [
            lost
            for one in latest.values()
            for lost in (one.dropped_by_interface, one.dropped_by_system)
            if lost is not None
        ]
        width = 1 << self.bins.shift
        return Summary(
            told.name, told.description, self.packets, self.bytes, self.bytes_captured, self.packets_cut,
            self.first, self.last, self.in_order, self.link_types,
            [InterfaceCount(one, *self.interfaces.get(one.number, (0, 0))) for one in told.interfaces],
            [(low or 0, high and high - 1, count)
             for low, high, count in zip(bounds[:-1], bounds[1:], self.sizes.tolist(), strict=True)],
            _tree(self.paths), found[:talkers], sum(count for _, count in both), width,
            [(start * width, count, size)
             for start, (count, size) in enumerate(self.bins.counts.tolist(), self.bins.start)],
            told.comments, sum(dropped) if dropped else None, told.damage,
        )  # fmt: skip


def _counted(values: Column) -> list[tuple[int, int]]:
    """Each value with how often it occurs."""
    if (values == values[0]).all():
        return [(int(values[0]), len(values))]
    found, counts = np.unique(values, return_counts=True)
    return list(zip(found.tolist(), counts.tolist(), strict=True))


def _count(into: dict[Any, list[int]], key: Any, packets: int, size: int) -> None:
    entry = into.setdefault(key, [0, 0])
    entry[0] += packets
    entry[1] += size


def _name(cls: type[Header]) -> str:
    return (cls.family_base or cls).name.partition(".")[0]


def _tree(paths: dict[tuple[str, ...], list[int]]) -> list[ProtocolCount]:
    """Each path behind its parent, of several children the largest first."""

    def rank(path: tuple[str, ...]) -> list[tuple[int, str]]:
        return [(-paths.get(path[: depth + 1], (0, 0))[0], path[depth]) for depth in range(len(path))]

    return [ProtocolCount(path, *paths[path]) for path in sorted(paths, key=rank)]


def _talkers(counts: FlowCounts, most: int) -> tuple[list[Talker], int]:
    """The addresses with the most bytes, from pairs of addresses; and how many addresses there are."""
    spells, keys = counts.spells, counts.keys
    if not spells.count:
        return [], 0
    ends = keys[spells.key[: spells.count]].reshape(-1, 20)
    packets, sizes = spells.packets[: len(ends)], spells.bytes[: len(ends)]
    words = np.ascontiguousarray(ends[:, :16]).view(np.uint64)
    found, first, which = np.unique(counts.hash(words[:, 0], words[:, 1]), return_index=True, return_inverse=True)
    which = which.reshape(-1)
    sums = np.zeros((4, len(found)), np.int64)
    other = np.arange(len(ends)) ^ 1
    for row, values in enumerate((packets, sizes, packets[other], sizes[other])):
        np.add.at(sums[row], which, values)
    total = sums[1] + sums[3]
    least = np.partition(total, -most)[-most] if 0 < most < len(total) else 0
    best = np.flatnonzero(total >= least) if most else np.empty(0, np.int64)
    best = best[np.lexsort((first[best], -total[best]))][: 10 * most]  # of equals the first seen, should there be many
    talkers = [
        Talker(ip_text(ends[first[one], : ends[first[one], 18]].tobytes()), *(int(value) for value in sums[:, one]))
        for one in best.tolist()
    ]
    return talkers, len(found)


def summary(
    source: CapturePath | BinaryIO,
    where: Filter | None = None,
    *,
    talkers: int = 10,
    processes: int | None = None,
    advance: Callable[[float], None] | None = None,
) -> Summary:
    """A summary of a capture, or of its packets for which the filter `where` holds.

    `processes` and `advance` as in parallel.gather.
    """
    secret = new_secret()
    collector, told = gather(source, lambda: SummaryCollector(secret), where, processes=processes, advance=advance)
    return collector.summary(told, talkers=talkers)
