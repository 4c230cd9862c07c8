"""All TCP connections of a capture followed at once, as events in the order of the capture.

Segments come from segments.py, chunk by chunk; each direction of each connection has a Reassembly. What is held is
bounded three times: per direction, in all, and by the number of connections that are remembered. Whatever goes over
a bound is given up: a gap is shown where bytes would have come.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from packetlab.analysis.filter import Filter
from packetlab.analysis.segments import Endpoints, SegmentReader, Segments
from packetlab.analysis.streams.reassembly import Piece, Reassembly
from packetlab.capture.index import chunks
from packetlab.capture.source import CapturePath
from packetlab.transport.tcp import TCP

MAX_WAITING = 4 << 20
"""Bytes that may wait behind a gap in one direction."""
MAX_HELD = 256 << 20
"""Bytes that may wait in all."""
MAX_CONNECTIONS = 200_000
"""Connections that are remembered; the one that was silent longest is finished first."""

_FIN, _SYN, _RST, _ACK = int(TCP.FIN), int(TCP.SYN), int(TCP.RST), int(TCP.ACK)


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection is met for the first time."""

    stream: int
    endpoints: Endpoints
    """Of the first packet; see `client`."""
    client: int
    """The direction in which the client sends: 0 with the first packet, 1 against it."""
    handshake: bool
    """Whether its first packet is one of the handshake; otherwise the capture began in the middle."""
    number: int
    time: int


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes that are next in one direction."""

    stream: int
    direction: int
    """0 from the sender of the first packet, 1 towards it."""
    data: bytes
    offset: int
    """Bytes of that direction before them."""
    number: int
    time: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Bytes that the capture does not hold, where they would be next."""

    stream: int
    direction: int
    length: int
    offset: int
    number: int
    """The packet that ended the wait for them."""
    time: int


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing more comes in one direction (FIN), or in the connection (direction -1: reset, or end of capture)."""

    stream: int
    direction: int
    how: str
    """ "finished", "reset" or "capture ended"."""
    number: int
    time: int


Event = Opened | Data | Missing | Closed


class _Connection:
    __slots__ = ("closed", "is_reset", "number", "sides", "time")

    def __init__(self, limit: int) -> None:
        self.sides = (Reassembly(limit), Reassembly(limit))
        self.closed = [False, False]
        self.is_reset = False
        self.number = self.time = 0


class StreamReader:
    """Takes Segments, gives Events. `only`: numbers of the connections to follow."""

    def __init__(self, only: Iterable[int] | None = None, *, max_waiting: int = MAX_WAITING,
                 max_held: int = MAX_HELD) -> None:  # fmt: skip
        self.only = set(only) if only is not None else None
        self.max_waiting, self.max_held = max_waiting, max_held
        self.held = 0
        """Bytes that wait now."""
        self.conflicts = 0
        """Segments that brought other bytes for a place whose bytes still waited: a retransmission that lies.

        What was handed on already is not kept, so a later retransmission cannot be compared with it.
        """
        self._connections: OrderedDict[int, _Connection] = OrderedDict()
        self._forgotten = 0

    def add(self, found: Segments, endpoints: list[Endpoints]) -> Iterator[Event]:
        """The events of a chunk's segments; `endpoints` are those of all connections so far."""
        rows = zip(
            found.stream.tolist(), found.direction.tolist(), found.sequence.tolist(), found.acknowledgment.tolist(),
            found.flags.tolist(), found.length.tolist(), found.number.tolist(), found.time.tolist(), strict=True,
        )  # fmt: skip
        for index, (stream, direction, sequence, acknowledgment, flags, length, number, time) in enumerate(rows):
            if self.only is not None and stream not in self.only:
                continue
            connection = self._connections.get(stream)
            if connection is None:
                yield from self._make_room(number, time)
                connection = self._connections[stream] = _Connection(self.max_waiting)
                client = direction ^ 1 if flags & (_SYN | _ACK) == _SYN | _ACK else direction
                if not flags & _SYN and endpoints[stream].src_port < endpoints[stream].dst_port:
                    client = 1  # in the middle of a connection the lower port is taken for the server's
                yield Opened(stream, endpoints[stream], client, bool(flags & _SYN), number, time)
            else:
                self._connections.move_to_end(stream)
            connection.number, connection.time = number, time
            yield from self._segment(connection, stream, direction, sequence, acknowledgment, flags, length,
                                     found.payload(index) if length else b"", number, time)  # fmt: skip

    def finish(self) -> Iterator[Event]:
        """What waits at the end of the capture."""
        for stream, connection in self._connections.items():
            yield from self._end(stream, connection)
        self._connections.clear()
        self.held = 0

    def _segment(self, connection: _Connection, stream: int, direction: int, sequence: int, acknowledgment: int,
                 flags: int, length: int, data: bytes, number: int, time: int) -> Iterator[Event]:  # fmt: skip
        mine, other = connection.sides[direction], connection.sides[direction ^ 1]
        before = mine.held + other.held
        conflicts = mine.conflicts
        theirs: list[Piece] = []
        ready: list[Piece] = []
        if flags & _ACK and not flags & _RST:
            if flags & _SYN:
                other.begin(acknowledgment)
            theirs = other.acknowledged(acknowledgment, number, time)
        if flags & _SYN:
            sequence = (sequence + 1) & 0xFFFFFFFF
            mine.begin(sequence)
        if length or flags & _FIN:
            ready = mine.add(sequence, length, data, number, time, fin=bool(flags & _FIN))
        if self.held + mine.held + other.held - before > self.max_held:
            ready += mine.finish()
        self.conflicts += mine.conflicts - conflicts
        self.held += mine.held + other.held - before
        yield from _events(stream, direction ^ 1, theirs)
        yield from _events(stream, direction, ready)
        for side in (0, 1):
            if not connection.closed[side] and connection.sides[side].is_closed:
                connection.closed[side] = True
                yield Closed(stream, side, "finished", number, time)
        if flags & _RST and not connection.is_reset:
            connection.is_reset = True
            yield Closed(stream, -1, "reset", number, time)

    def _make_room(self, number: int, time: int) -> Iterator[Event]:
        if len(self._connections) >= MAX_CONNECTIONS:
            stream, connection = self._connections.popitem(last=False)
            self.held -= sum(side.held for side in connection.sides)
            yield from self._end(stream, connection)

    def _end(self, stream: int, connection: _Connection) -> Iterator[Event]:
        for direction, side in enumerate(connection.sides):
            yield from _events(stream, direction, side.finish())
        if not all(connection.closed) and not connection.is_reset:
            yield Closed(stream, -1, "capture ended", connection.number, connection.time)


def _events(stream: int, direction: int, pieces: list[Piece]) -> Iterator[Event]:
    for piece in pieces:
        if piece.missing:
            yield Missing(stream, direction, piece.missing, piece.offset, piece.number, piece.time)
        else:
            yield Data(stream, direction, piece.data, piece.offset, piece.number, piece.time)


def events(
    source: CapturePath | BinaryIO,
    where: Filter | None = None,
    only: Iterable[int] | None = None,
    *,
    advance: Callable[[float], None] = lambda part: None,
) -> Iterator[Event]:
    """What happened in the TCP connections of a capture, in its order.

    `where`: only connections of which some packet fits. They are then found in a first pass over the file, so it
    cannot be a pipe (UsageError).
    """
    if where is not None:
        fitting = matching_streams(source, where)
        only = fitting if only is None else fitting & set(only)
    numbers, reader = SegmentReader(), StreamReader(only)
    with chunks(source) as index:
        for chunk in index:
            yield from reader.add(numbers.read(chunk), numbers.streams)
    yield from reader.finish()


def matching_streams(source: CapturePath | BinaryIO, where: Filter) -> set[int]:
    """Numbers of the connections of which some packet fits a filter."""
    from packetlab.analysis.segments import segments
    from packetlab.model.errors import UsageError

    if hasattr(source, "read") or str(source) == "-":
        raise UsageError("connections cannot be chosen by a filter in what is read only once",
                         remedy="record it to a file first")  # fmt: skip
    found: set[int] = set()
    for part in segments(source, where):
        found.update(part.stream.tolist())
    return found
