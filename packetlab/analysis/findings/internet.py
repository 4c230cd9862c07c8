"""The internet layer: packets that go in circles, fragments that never become a packet."""

import numpy as np

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Seen, address, mixed
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import Fragment

MOST_PACKETS = 50_000
"""Fragmented packets that are remembered at a time."""
PATIENCE = 60_000_000_000
"""Nanoseconds that a host waits for the other fragments (RFC 8200, section 4.5)."""

LOOP = Kind(
    "routing-loop", "error", "internet", "The same packet goes round in circles",
    "One packet passed here several times, each time with a smaller TTL: routers send it to one another until the "
    "TTL is used up. Nothing that goes there arrives, and the link carries every packet many times.",
    "traceroute to the destination shows which routers repeat; compare their routes for it.",
)  # fmt: skip
INCOMPLETE = Kind(
    "fragments-incomplete", "warning", "internet", "Fragments that never became a packet",
    "A packet was cut into fragments and not all of them are here. If they were lost, the receiver throws the others "
    "away as well; the sender notices nothing.",
    "Is the first one missing, or all but the first? Firewalls that need ports drop the latter.",
    "ip.flags.mf == 1 || ip.frag_offset > 0 || ipv6.fraghdr",
)  # fmt: skip
OVERLAP = Kind(
    "fragments-overlap", "error", "internet", "Fragments overlap",
    "Two fragments of one packet both bring the same part. No sane sender does that; receivers disagree on which to "
    "believe, which is used to get past firewalls. IPv6 forbids it (RFC 5722).",
    "Do the bytes of the overlap differ? Then it is an attack.",
    "ip.flags.mf == 1 || ip.frag_offset > 0 || ipv6.fraghdr",
)  # fmt: skip


class Loops:
    """Equal packets with falling TTL. Within one chunk: a loop takes milliseconds."""

    def __init__(self, notes: Notebook) -> None:
        self.notes = notes

    def take(self, seen: Seen) -> None:
        found = seen.found(IPv4, 20)
        # An identification of 0 says that the sender does not count.
        found = found.chosen((found.number(4, 2) != 0) & (found.bytes[:, 8] > 0))
        if len(found) < 3:
            return
        inside = seen.chunk.heads(8, found.rows, found.body).view("<u8")[:, 0]
        key = mixed(
            found.number(4, 4), found.number(2, 2) << 8 | found.bytes[:, 9], found.number(12, 4), found.number(16, 4),
            inside,
        )  # fmt: skip
        order = np.argsort(key, kind="stable")
        edges = np.flatnonzero(np.r_[True, key[order][1:] != key[order][:-1]])
        sizes = np.diff(np.r_[edges, len(order)])
        for edge, size in zip(edges[sizes >= 4].tolist(), sizes[sizes >= 4].tolist(), strict=True):
            rows = order[edge : edge + size]
            ttl = found.bytes[rows, 8].astype(np.int64)
            falls = np.diff(ttl) < 0
            if falls.sum() < 3 or falls.sum() * 4 < 3 * (size - 1):
                continue
            numbers = (found.rows[rows] + seen.first).tolist()
            src, dst = found.bytes[rows[0], 12:16].tobytes(), found.bytes[rows[0], 16:20].tobytes()
            detail = f"TTL from {ttl[0]} to {ttl[-1]}"
            self.notes.add_all(LOOP, f"{address(src)} -> {address(dst)}", numbers, detail=detail)

    def end(self) -> None:
        """Nothing is open."""


class _Parts:
    __slots__ = ("ends", "numbers", "overlaps", "time", "total")

    def __init__(self, time: int) -> None:
        self.time, self.total = time, -1
        self.ends: list[tuple[int, int]] = []
        self.numbers: list[int] = []
        self.overlaps = False

    def add(self, begin: int, end: int, more: bool, number: int) -> bool:
        """Take a fragment; True if the packet is whole now."""
        if len(self.numbers) < 50:
            self.numbers.append(number)
        if (begin, end) not in self.ends and len(self.ends) < 200:
            self.overlaps = self.overlaps or any(begin < other and first < end for first, other in self.ends)
            self.ends.append((begin, end))
        if not more:
            self.total = end
        covered = 0
        for first, last in sorted(self.ends):
            if first > covered:
                return False
            covered = max(covered, last)
        return 0 <= self.total <= covered


class Fragments:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.open: dict[tuple[bytes, bytes, bytes], _Parts] = {}

    def take(self, seen: Seen) -> None:
        found = seen.found(IPv4, 20)
        offset = found.number(6, 2)
        some = (offset & 0x3FFF) != 0
        found, offset = found.chosen(some), offset[some]
        times = seen.time[found.rows].tolist()
        begins, sizes = ((offset & 0x1FFF) * 8).tolist(), (found.claimed - found.body).tolist()
        raw = found.bytes.tobytes()
        for index, row in enumerate(found.rows.tolist()):
            head = raw[20 * index : 20 * index + 20]
            key = (head[12:16], head[16:20], head[4:6] + head[9:10])
            more = bool(head[6] & 0x20)
            self._add(key, begins[index], begins[index] + sizes[index], more, seen.first + row, times[index])
        found = seen.found(Fragment, 8)
        offsets = found.number(2, 2).tolist()
        raw, times, sizes = found.bytes.tobytes(), seen.time[found.rows].tolist(), (found.claimed - found.body).tolist()
        for index, (row, (src, dst)) in enumerate(zip(found.rows.tolist(), seen.ends(found.rows), strict=True)):
            begin = offsets[index] & 0xFFF8
            if not begin and not offsets[index] & 1:
                continue  # an atomic fragment is a whole packet (RFC 6946)
            key = (src, dst, raw[8 * index + 4 : 8 * index + 8])
            self._add(key, begin, begin + sizes[index], bool(offsets[index] & 1), seen.first + row, times[index])

    def _add(self, key: tuple[bytes, bytes, bytes], begin: int, end: int, more: bool, number: int, time: int) -> None:
        parts = self.open.get(key)
        if parts is not None and abs(time - parts.time) > PATIENCE:
            self._give_up(key, parts)
            parts = None
        if parts is None:
            if len(self.open) >= MOST_PACKETS:
                oldest = next(iter(self.open))
                self._give_up(oldest, self.open.pop(oldest))
            parts = self.open[key] = _Parts(time)
        if parts.add(begin, end, more, number):
            if parts.overlaps:
                self.notes.add_all(OVERLAP, f"{address(key[0])} -> {address(key[1])}", parts.numbers)
            del self.open[key]

    def _give_up(self, key: tuple[bytes, bytes, bytes], parts: _Parts) -> None:
        about = f"{address(key[0])} -> {address(key[1])}"
        if parts.overlaps:
            self.notes.add_all(OVERLAP, about, parts.numbers)
        missing = "the first is missing" if not any(begin == 0 for begin, _ in parts.ends) else (
            "the last is missing" if parts.total < 0 else "one in the middle is missing")  # fmt: skip
        self.notes.add_all(INCOMPLETE, about, parts.numbers, detail=missing)

    def end(self) -> None:
        for key, parts in self.open.items():
            self._give_up(key, parts)
