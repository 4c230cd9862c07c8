"""One direction of a TCP connection, put back in order: segments in, bytes and gaps out.

Positions count from the first byte of the direction and do not wrap. What arrived first stays: a byte that comes
again, alike or not, changes nothing (RFC 9293 section 3.10.7.4 trims such segments; what differs is counted). A gap
is given up, and shown as one, when the other side has acknowledged bytes behind it (they arrived; the capture missed
them), when more than `limit` bytes wait behind it, or when the capture ends.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

OVERHEAD = 128
"""Bytes that a waiting piece counts for beside its data."""
WINDOW = 1 << 30
"""Sequence numbers farther than this from where the direction is are not of this connection."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of bytes, or of bytes that are missing."""

    offset: int
    """Position in the direction's stream."""
    data: bytes
    missing: int
    """Bytes that lack; data is empty then."""
    number: int
    """The packet that brought it, or that ended the wait for what is missing."""
    time: int
    """Of that packet, nanoseconds since 1970."""


@dataclass(slots=True)
class _Waiting:
    start: int
    length: int
    data: bytes
    """As far as it was captured; the rest of `length` is missing."""
    number: int
    time: int


class Reassembly:
    """Puts one direction in order. `held` is the memory it takes now, in bytes."""

    __slots__ = ("_base", "_waiting", "conflicts", "end", "held", "limit", "next")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.next = 0
        """Position of the next byte that is awaited."""
        self.end: int | None = None
        """Position at which a FIN ended the direction."""
        self.held = 0
        self.conflicts = 0
        """Segments that brought other bytes for a place that had some."""
        self._base: int | None = None
        self._waiting: list[_Waiting] = []

    @property
    def has_begun(self) -> bool:
        """Whether it is known at which sequence number the direction begins."""
        return self._base is not None

    @property
    def is_closed(self) -> bool:
        """Whether all up to the FIN has come."""
        return self.end is not None and self.next >= self.end

    def begin(self, sequence: int) -> None:
        """Position 0 is this sequence number; only the first call counts."""
        if self._base is None:
            self._base = sequence

    def _position(self, sequence: int) -> int:
        assert self._base is not None
        ahead = (sequence - self._base - self.next) & 0xFFFFFFFF
        return self.next + (ahead - (1 << 32) if ahead >= 1 << 31 else ahead)

    def add(self, sequence: int, length: int, data: bytes, number: int, time: int, *, fin: bool = False) -> list[Piece]:
        """A segment's `length` bytes from `sequence`, of which the capture holds `data`; what has become ready."""
        self.begin(sequence)
        start = self._position(sequence)
        if abs(start - self.next) > WINDOW:
            return []
        if fin and self.end is None:
            self.end = start + length
        stop = start + length
        if stop <= self.next or not length:
            return []
        if start < self.next:
            data, start = data[self.next - start :], self.next
        if start == self.next and not self._waiting:
            self.next = stop
            return list(_pieces(start, stop - start, data, number, time))
        self._wait(start, stop, data, number, time)
        ready = self._ready()
        while self._waiting and self.held > self.limit:
            ready += self._give_up(self._waiting[0].start, number, time)
        return ready

    def acknowledged(self, acknowledgment: int, number: int, time: int) -> list[Piece]:
        """The other side has everything before `acknowledgment`: gaps in front of bytes that wait are final."""
        ready: list[Piece] = []
        if self._base is None or not self._waiting:
            return ready
        reached = self._position(acknowledgment)
        while self._waiting and self._waiting[0].start < reached <= self.next + WINDOW:
            ready += self._give_up(self._waiting[0].start, number, time)
        return ready

    def finish(self) -> list[Piece]:
        """All that still waits, with the gaps in front of it."""
        ready: list[Piece] = []
        while self._waiting:
            first = self._waiting[0]
            ready += self._give_up(first.start, first.number, first.time)
        return ready

    # ------------------------------------------------------------ waiting

    def _wait(self, start: int, stop: int, data: bytes, number: int, time: int) -> None:
        """Keep those parts for which nothing waits yet."""
        waiting = self._waiting
        at = bisect_left(waiting, start, key=lambda one: one.start)
        if at and waiting[at - 1].start + waiting[at - 1].length > start:
            at -= 1
        position = start
        while position < stop:
            there = waiting[at] if at < len(waiting) else None
            free_until = min(stop, there.start) if there is not None else stop
            if position < free_until:
                part = data[position - start : free_until - start]
                waiting.insert(at, _Waiting(position, free_until - position, part, number, time))
                self.held += len(part) + OVERHEAD
                at += 1
                position = free_until
                continue
            assert there is not None
            behind = min(stop, there.start + there.length)
            old = there.data[position - there.start : behind - there.start]
            new = data[position - start : behind - start]
            shared = min(len(old), len(new))
            self.conflicts += old[:shared] != new[:shared]
            position, at = behind, at + 1

    def _ready(self) -> list[Piece]:
        """What waits and is next."""
        ready: list[Piece] = []
        done = 0
        for one in self._waiting:
            if one.start != self.next:
                break
            self.next = one.start + one.length
            self.held -= len(one.data) + OVERHEAD
            ready += _pieces(one.start, one.length, one.data, one.number, one.time)
            done += 1
        if done:
            del self._waiting[:done]
        return ready

    def _give_up(self, until: int, number: int, time: int) -> list[Piece]:
        gap = [Piece(self.next, b"", until - self.next, number, time)] if until > self.next else []
        self.next = until
        return gap + self._ready()


def _pieces(start: int, length: int, data: bytes, number: int, time: int) -> Iterator[Piece]:
    if data:
        yield Piece(start, data, 0, number, time)
    if len(data) < length:
        yield Piece(start + len(data), b"", length - len(data), number, time)
