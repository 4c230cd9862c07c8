"""What the segments of each connection add up to, per direction: counts, bytes, times, and packets to look at.

Sums live in arrays with one place per direction (connection * 2 + direction) and are added up chunk by chunk as
columns; Python runs only over segments of which something was found. Times in nanoseconds.
"""

from dataclasses import dataclass, field

import numpy as np

from packetlab.analysis.plan import Column
from packetlab.analysis.tcp_health.analyser import Conversation, PacketHealth
from packetlab.analysis.tcp_health.judge import ACK, FIN, RST, SYN
from packetlab.analysis.tcp_health.kinds import MEANINGS, SENT_AGAIN, Kind

MOST_NUMBERS = 20
"""Packet numbers that are kept of each kind and direction."""

STALL_NS = 150_000_000
"""A retransmission after at least so long came because a timer ran out (RFC 6298; Linux waits 200 ms)."""
DELAYED_NS = (35_000_000, 250_000_000)
"""An acknowledgement as late as that, where others are fast, was held back (RFC 1122, section 4.2.3.2)."""
SMALL_WINDOW = 536
"""A window of less than the smallest MSS that everybody takes."""
NEAR = 0.9
"""In flight, of the window: a sender so near its end is held back by it."""

_ADDED = (
    "packets", "payload", "segments", "again", "again_bytes", "idle", "idle_times", "trips", "trip_sum", "delayed",
    "measured", "full_time", "small_window", "small", "reordered", "syn", "fin", "rst",
    *(MEANINGS[kind].name for kind in MEANINGS),
)  # fmt: skip
_HIGHEST = ("last_data", "was_full", "last_time", "last_number", "largest", "most_in_flight", "most_offered")
_LOWEST = ("first_time", "first_number", "least_trip", "first_data", "rst_number", "fin_number", "syn_number",
           "answer_number")  # fmt: skip
NONE = np.iinfo(np.int64).max
"""In an array of lowest values: there is none."""


@dataclass(slots=True)
class Sums:
    """The sums, and beside them what is kept for few connections."""

    arrays: dict[str, Column] = field(default_factory=dict)
    numbers: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    """(place, kind): numbers of the first packets."""
    stalled: dict[int, int] = field(default_factory=dict)
    """Place: nanoseconds waited for retransmission timers."""
    closed: dict[int, int] = field(default_factory=dict)
    """Place: nanoseconds for which that side's window was zero."""
    _closed_since: dict[int, int] = field(default_factory=dict)
    _stalled_until: dict[int, int] = field(default_factory=dict)
    size: int = 0

    def _grow(self, size: int) -> None:
        if size <= self.size:
            return
        room = max(size, 2 * self.size, 64)
        for name in (*_ADDED, *_HIGHEST, *_LOWEST):
            made = np.full(room, NONE if name in _LOWEST else 0, np.int64)
            made[: self.size] = self.arrays.get(name, made[:0])
            self.arrays[name] = made
        self.size = room

    def add(self, part: PacketHealth, conversations: dict[int, Conversation]) -> None:
        """Count the segments of one more chunk."""
        if not len(part.kinds):
            return
        found = part.segments
        places = found.stream * 2 + found.direction
        self._grow(int(places.max()) // 2 * 2 + 2)
        has_data, flags, time, number = found.length > 0, found.flags, found.time, found.number
        everything = np.ones(len(places), bool)
        reordered = part.kinds & int(Kind.OUT_OF_ORDER | Kind.REPEATED) == int(Kind.OUT_OF_ORDER)
        again = has_data & (part.kinds & int(SENT_AGAIN) != 0)
        # Half of all acknowledgements answer two segments; the round trip is that of the last.
        trips = (part.round_trip >= 0) & (part.acknowledges > 0)
        path = np.zeros(len(places), np.int64)
        waiting = np.flatnonzero(part.idle > 0)
        path[waiting] = [conversations[stream].handshake for stream in found.stream[waiting].tolist()]
        idle = part.idle - path > np.maximum(path // 2, 1_000_000)
        measured = has_data & (part.in_flight >= 0) & (part.offered > 0)
        delayed = trips & (part.round_trip >= DELAYED_NS[0]) & (part.round_trip <= DELAYED_NS[1]) & ~has_data
        added: list[tuple[str, Column, Column | None]] = [
            ("packets", everything, None), ("payload", has_data, found.length), ("segments", has_data, None),
            ("again", again, None), ("again_bytes", again, found.length), ("idle", idle, part.idle - path),
            ("idle_times", idle, None), ("trips", trips, None), ("trip_sum", trips, part.round_trip),
            ("delayed", delayed, None), ("measured", measured, None),
            ("small_window", measured & (part.offered < SMALL_WINDOW), None), ("reordered", reordered, None),
            ("small", has_data & (found.length < 100), None),
            *((name, flags & bit != 0, None) for name, bit in (("syn", SYN), ("fin", FIN), ("rst", RST))),
            *((MEANINGS[kind].name, part.kinds & int(kind) != 0, None) for kind in MEANINGS),
        ]  # fmt: skip
        for name, mask, values in added:
            if mask.any():
                np.add.at(self.arrays[name], places[mask], 1 if values is None else values[mask])
        for name, mask, values in (
            ("last_time", everything, time), ("last_number", everything, number), ("largest", has_data, found.length),
            ("most_in_flight", measured, part.in_flight), ("most_offered", measured, part.offered),
        ):  # fmt: skip
            np.maximum.at(self.arrays[name], places[mask], values[mask])
        answers = (flags & (SYN | ACK)) == (SYN | ACK)
        for name, mask, values in (
            ("first_time", everything, time), ("first_number", everything, number),
            ("least_trip", trips, part.round_trip), ("first_data", has_data, number),
            ("rst_number", flags & RST != 0, number), ("fin_number", flags & FIN != 0, number),
            ("syn_number", flags & SYN != 0, number), ("answer_number", answers, number),
        ):  # fmt: skip
            np.minimum.at(self.arrays[name], places[mask], values[mask])
        self._full(part, places, has_data, measured)
        self._events(part, places)
        self._windows(part, places)

    def _full(self, part: PacketHealth, places: Column, has_data: Column, measured: Column) -> None:
        """Add up for how long each sender had no room for another segment in the window, and something in flight."""
        rows = np.flatnonzero(has_data)
        rows = rows[np.argsort(places[rows], kind="stable")]
        if not len(rows):
            return
        place, time, room = places[rows], part.segments.time[rows], part.offered[rows]
        in_flight = part.in_flight[rows]
        full = measured[rows] & ((in_flight >= NEAR * room) | (in_flight + part.segments.length[rows] > room))
        first = np.flatnonzero(np.diff(place, prepend=-1))
        before, was_full = np.roll(time, 1), np.roll(full, 1)
        before[first] = self.arrays["last_data"][place[first]]
        was_full[first] = self.arrays["was_full"][place[first]] != 0
        waited = np.maximum(time - before - part.idle[rows], 0)
        np.add.at(self.arrays["full_time"], place[was_full], waited[was_full])
        last = np.append(first[1:] - 1, len(place) - 1)
        self.arrays["last_data"][place[last]] = time[last]
        self.arrays["was_full"][place[last]] = full[last]

    def _events(self, part: PacketHealth, places: Column) -> None:
        """Keep the numbers of the first packets of each kind, and add up the waits for timers."""
        rows = np.flatnonzero(part.kinds)
        chosen = (part.number, places, part.kinds, part.waited, part.segments.time)
        again = int(Kind.RETRANSMISSION)
        for number, place, kinds, waited, time in zip(*(column[rows].tolist() for column in chosen), strict=True):
            rest = kinds
            while rest:
                kind = rest & -rest
                rest ^= kind
                kept = self.numbers.setdefault((place, kind), [])
                if len(kept) < MOST_NUMBERS:
                    kept.append(number)
            if kinds & again and waited >= STALL_NS:
                begin = max(time - waited, self._stalled_until.get(place, 0))
                self.stalled[place] = self.stalled.get(place, 0) + max(0, time - begin)
                self._stalled_until[place] = time

    def _windows(self, part: PacketHealth, places: Column) -> None:
        """Add up for how long each side's window was zero."""
        zero = part.kinds & int(Kind.ZERO_WINDOW) != 0
        concerned = set(places[zero].tolist()) | self._closed_since.keys()
        if not concerned:
            return
        rows = np.flatnonzero(np.isin(places, np.fromiter(concerned, np.int64)))
        columns = (places, part.segments.time, part.segments.window, part.segments.flags)
        for place, time, window, flags in zip(*(column[rows].tolist() for column in columns), strict=True):
            since = self._closed_since.get(place)
            if window or flags & RST:
                if since is not None:
                    self.closed[place] = self.closed.get(place, 0) + max(0, time - since)
                    del self._closed_since[place]
            elif since is None and not flags & (SYN | FIN):
                self._closed_since[place] = time

    def end(self) -> None:
        """Windows that were still closed when the capture ended count up to the connection's last packet."""
        for place, since in self._closed_since.items():
            last = max(int(self.arrays["last_time"][place]), int(self.arrays["last_time"][place ^ 1]))
            self.closed[place] = self.closed.get(place, 0) + max(0, last - since)
        self._closed_since.clear()

    def of(self, stream: int) -> tuple["Side", "Side"]:
        """The sums of both directions of a connection."""
        first, second = (
            Side({name: int(values[stream * 2 + side]) for name, values in self.arrays.items()},
                 {kind: self.numbers[stream * 2 + side, int(kind)] for kind in MEANINGS
                  if (stream * 2 + side, int(kind)) in self.numbers},
                 self.stalled.get(stream * 2 + side, 0), self.closed.get(stream * 2 + side, 0))
            for side in (0, 1)
        )  # fmt: skip
        return first, second

    def troubled(self, streams: int, most: int) -> list[int]:
        """The connections worth a report: all, or the `most` of which most was found."""
        if streams <= most:
            return list(range(streams))
        telling = sum((self.arrays[MEANINGS[kind].name] for kind in MEANINGS), self.arrays["rst"] * 3)
        both = telling[: streams * 2].reshape(-1, 2).sum(axis=1)
        found: list[int] = np.sort(np.argsort(-both, kind="stable")[:most]).tolist()
        return found


@dataclass(slots=True)
class Side:
    """The sums of one direction."""

    sums: dict[str, int]
    numbers: dict[Kind, list[int]]
    stalled: int
    closed: int

    def __getitem__(self, name: str) -> int:
        return self.sums[name]

    def lowest(self, name: str) -> int | None:
        """One of the lowest values, or None where nothing had one."""
        return None if self.sums[name] == NONE else self.sums[name]

    def packets_of(self, *kinds: Kind) -> list[int]:
        """Numbers of the first packets of these kinds, in order."""
        return sorted({number for kind in kinds for number in self.numbers.get(kind, ())})[:MOST_NUMBERS]
