"""What is remembered of one direction of a connection, to judge its next segment.

Sequence numbers are compared modulo 2**32 (RFC 9293, section 3.4). Segments that nobody acknowledged yet are kept
in the order in which they were sent; while each begins where the one before ended, as nearly always, those that an
acknowledgement covers are at the front, and nothing has to be searched.
"""

from collections import deque

MOST_UNACKED = 10_000
"""Unacknowledged segments that are kept per direction (Wireshark's bound too)."""

MODULUS = 1 << 32
HALF = 1 << 31
MASK = MODULUS - 1


_NOTHING: deque[list[int]] = deque()
"""Stands for an empty list until the first segment: most connections of a scan never have one, and a deque is large."""


class Unacked:
    """The segments of one direction that were not acknowledged yet: [begin, end, packet number, time]."""

    __slots__ = ("highest", "lowest", "ordered", "segments", "stale")

    def __init__(self) -> None:
        self.segments = _NOTHING
        self.ordered = True
        """Each begins at or after the end of the one before."""
        self.stale = False
        """One was added that an acknowledgement already seen covers."""
        self.lowest = self.highest = 0
        """Where the bytes in flight begin and end; of no meaning while there are none."""

    def add(self, begin: int, end: int, number: int, time: int) -> None:
        """Note that the bytes from `begin` up to `end` were sent."""
        segments = self.segments
        if not segments:
            self.lowest, self.highest, self.ordered = begin, end, True
            segments = self.segments = deque()
        else:
            if (begin - self.highest) & MASK >= HALF:
                self.ordered = False
            if (begin - self.lowest) & MASK >= HALF:
                self.lowest = begin
            if (self.highest - end) & MASK >= HALF:
                self.highest = end
        segments.append([begin, end, number, time])

    def hold(self, begin: int, end: int) -> bool:
        """Whether a segment that was sent holds all bytes from `begin` up to `end`."""
        return any(
            (begin - segment[0]) & MASK < HALF and (segment[1] - end) & MASK < HALF for segment in self.segments
        )  # fmt: skip

    def acknowledge(self, acknowledged: int) -> list[int] | None:
        """Forget what is acknowledged; the segment whose last byte that is (the oldest such), or None."""
        return self._from_front(acknowledged) if self.ordered else self._from_all(acknowledged)

    def _from_front(self, acknowledged: int) -> list[int] | None:
        segments = self.segments
        found: list[int] | None = None
        while segments:
            first = segments[0]
            if (acknowledged - first[1]) & MASK >= HALF:
                if (first[0] - acknowledged) & MASK >= HALF:
                    first[0] = acknowledged
                self.lowest = first[0]
                break
            if first[1] == acknowledged:
                found = found or first
            segments.popleft()
        return found

    def _from_all(self, acknowledged: int) -> list[int] | None:
        found: list[int] | None = None
        kept: deque[list[int]] = deque()
        for segment in self.segments:
            if (acknowledged - segment[1]) & MASK >= HALF:
                if (segment[0] - acknowledged) & MASK >= HALF:
                    segment[0] = acknowledged
                if not kept or (segment[0] - self.lowest) & MASK >= HALF:
                    self.lowest = segment[0]
                if not kept or (self.highest - segment[1]) & MASK >= HALF:
                    self.highest = segment[1]
                kept.append(segment)
            elif segment[1] == acknowledged:
                found = found or segment
        self.segments = kept
        self.ordered = self.ordered or len(kept) < 2
        return found


class Sender:
    """One direction of a connection: what it sent, and what it acknowledged and offered."""

    __slots__ = (
        "acknowledged", "acknowledged_time", "contiguous", "duplicate_acks", "first_sequence", "first_with_ack",
        "in_flight_known", "last_kinds", "next_number", "next_sequence", "next_time", "push_bytes", "push_ended",
        "sacked", "scale", "unacked", "unscaled", "window",
    )  # fmt: skip

    def __init__(self) -> None:
        self.next_sequence = -1
        """After the highest byte sent; -1 before the first segment."""
        self.next_number = self.next_time = 0
        """Packet that brought it."""
        self.first_sequence = -1
        """Of its SYN, or before the first byte that either side mentioned; -1 before that."""
        self.contiguous = -1
        """Up to where nothing is missing, as far as seen; -1 before the first segment."""
        self.window = -1
        """As last offered, before scaling."""
        self.unscaled = True
        """The window came with a SYN, which is never scaled (RFC 7323, section 2.2)."""
        self.scale = -1
        """Shift of the window; -1 if not known, -2 if not agreed upon."""
        self.acknowledged, self.acknowledged_time = -1, 0
        self.duplicate_acks = 0
        """Times the acknowledgement was repeated; -1 after one for bytes that were not seen."""
        self.first_with_ack = 0
        """Packet that first acknowledged that much."""
        self.sacked = 0
        """Bytes in the SACK blocks of the last segment."""
        self.last_kinds = 0
        self.in_flight_known = True
        self.push_bytes = 0
        self.push_ended = False
        self.unacked = Unacked()

    def window_edge(self) -> int:
        """First sequence number beyond the window offered; -1 if its scale is not known."""
        if self.scale == -1 or self.window < 0:
            return -1
        return (self.acknowledged + self.offered()) & MASK

    def offered(self) -> int:
        """The window in bytes; unscaled if the scale is not known; -1 before the first segment."""
        return self.window if self.unscaled or self.scale < 0 or self.window < 0 else self.window << self.scale
