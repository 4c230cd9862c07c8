"""The record index: where every packet of a capture lies, as NumPy columns, chunk by chunk.

For each packet: offset, captured and wire length, time, link type, interface, direction. Packets, order, numbers
and damage are those of CaptureReader: sound stretches are followed with many lanes (lanes.py), and wherever a
stretch ends - the chunk is over, a header is odd, the file is damaged - the same walk as the reader's takes the
next step. Memory is flat: one chunk of the file at a time is mapped (or unpacked) and handed out.

    for chunk in chunks("big.pcapng"):
        heads = chunk.heads(64)                     # (packets, 64) bytes: the beginning of every packet
        ports = heads[:, 34:36]
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from packetlab.capture.lanes import gather
from packetlab.capture.opened import OpenCapture
from packetlab.capture.reader import packet_options
from packetlab.capture.source import CapturePath
from packetlab.model.frame import Direction, Frame

if TYPE_CHECKING:
    from packetlab.capture.sections import Interface

CHUNK_BYTES = 1 << 24
"""Bytes of a capture that are looked at together; a chunk is longer only where one packet is."""

Column = np.ndarray[Any, Any]
_DIRECTIONS: tuple[Direction, ...] = ("", "in", "out", "")


@dataclass(slots=True)
class Packets:
    """Columns of equal length, one row per packet, in the order of the file."""

    record: Column
    """int64: offset in the (unpacked) file of the packet's record header or block."""
    offset: Column
    """int64: offset of its first byte."""
    captured: Column
    """uint32: bytes that are in the file."""
    wire: Column
    """uint32: bytes that were on the wire."""
    time: Column
    """int64: nanoseconds since 1970-01-01T00:00Z."""
    link_type: Column
    """uint16."""
    interface: Column
    """int32: which of `interfaces`."""
    direction: Column
    """uint8: 0 not known, 1 in, 2 out."""

    def __len__(self) -> int:
        return len(self.record)

    def where(self, keep: Column) -> "Packets":
        """The chosen rows (a mask)."""
        return Packets(**{name: column[keep] for name, column in self.columns().items()})

    def columns(self) -> dict[str, Column]:
        """The columns by name."""
        return {name: getattr(self, name) for name in Packets.__slots__}


_TYPES = {
    "record": np.int64,
    "offset": np.int64,
    "captured": np.uint32,
    "wire": np.uint32,
    "time": np.int64,
    "link_type": np.uint16,
    "interface": np.int32,
    "direction": np.uint8,
}


def joined(parts: list[Packets]) -> Packets:
    """The rows of all parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Packets(
        **{
            name: np.concatenate([getattr(part, name) for part in parts]) if parts else np.empty(0, kind)
            for name, kind in _TYPES.items()
        }
    )


@dataclass(slots=True)
class Chunk:
    """A stretch of a capture in memory, and the packets whose bytes it holds."""

    data: Column
    """uint8: the bytes of the file from `base` on."""
    base: int
    first: int
    """The number (from 1) of the first packet here."""
    packets: Packets
    interfaces: "list[Interface]" = field(repr=False)
    order: str = "<"
    is_pcapng: bool = False
    shared: dict[str, Any] = field(default_factory=dict, repr=False)
    """What is remembered from chunk to chunk of one capture; all its chunks have this same dict."""

    def __len__(self) -> int:
        return len(self.packets)

    def pieces(self, rows: int) -> "Iterator[Chunk]":
        """The same packets, about `rows` of them at a time."""
        rows = -(-len(self) // max(1, round(len(self) / rows)))
        for start in range(0, len(self), max(1, rows)):
            part = Packets(**{name: column[start : start + rows] for name, column in self.packets.columns().items()})
            yield Chunk(
                self.data, self.base, self.first + start, part, self.interfaces, self.order, self.is_pcapng, self.shared
            )

    def heads(self, size: int, rows: Column | slice | None = None, skip: Column | int = 0) -> Column:
        """The first `size` bytes of each packet (of the chosen `rows`), as an array (packets, size) of uint8.

        `skip` leaves out so many bytes before (a number, or one per row). What a packet does not have is 0.
        """
        offset, captured = self.packets.offset, self.packets.captured
        if rows is not None:
            offset, captured = offset[rows], captured[rows]
        return take_bytes(self.data, offset - self.base + skip, captured.astype(np.int64) - skip, size)

    def bytes_of(self, row: int) -> bytes:
        """The captured bytes of one packet."""
        start = int(self.packets.offset[row]) - self.base
        return self.data[start : start + int(self.packets.captured[row])].tobytes()

    def frame(self, row: int) -> Frame:
        """One packet as the frame that CaptureReader yields."""
        packets = self.packets
        interface = self.interfaces[int(packets.interface[row])]
        return Frame(
            self.bytes_of(row),
            int(packets.time[row]),
            int(packets.wire[row]),
            int(packets.link_type[row]),
            interface.label if self.is_pcapng else "",
            _DIRECTIONS[int(packets.direction[row])],
            self.first + row,
            self._comment(row) if self.is_pcapng else "",
        )

    def frames(self) -> Iterator[Frame]:
        """All packets as frames."""
        for row in range(len(self)):
            yield self.frame(row)

    def _comment(self, row: int) -> str:
        record, offset = int(self.packets.record[row]), int(self.packets.offset[row])
        if offset - record != 28:
            return ""  # a Simple Packet Block has no options
        head = self.data[record - self.base + 4 : record - self.base + 8].tobytes()
        length = int.from_bytes(head, "little" if self.order == "<" else "big") + 3 & ~3
        behind = record + 28 + (int(self.packets.captured[row]) + 3 & ~3)
        options = self.data[behind - self.base : record + length - 4 - self.base].tobytes()
        return packet_options(options, 0, len(options), self.order)[1]


def take_bytes(data: Column, start: Column, have: Column | None, size: int) -> Column:
    """`size` bytes of `data` (uint8) from each of `start`, as (rows, size); those beyond `have` are 0.

    have may be negative or larger than size. start must not be negative where have is positive. Without `have`
    nothing is cleared: what stands behind a packet's bytes in the file is then behind them in its row too.
    """
    rows = len(start)
    if rows == 0 or size == 0:
        return np.zeros((rows, size), np.uint8)
    last = len(data) - size
    if last < 0:
        padded = np.zeros(size + len(data), np.uint8)
        padded[: len(data)] = data
        data, last = padded, len(data)
    view = gather(data, size)
    matrix: Column
    inside = start <= last
    if inside.all():
        matrix = view[start].view(np.uint8).reshape(rows, size)
    else:
        matrix = view[np.where(inside, start, 0)].view(np.uint8).reshape(rows, size)
        for row in np.flatnonzero(~inside):
            tail = data[int(start[row]) :]
            matrix[row, : len(tail)] = tail
    if have is None:
        return matrix
    short = np.flatnonzero(have < size)
    if len(short):
        part = matrix[short]
        part[np.arange(size) >= have[short, None]] = 0
        matrix[short] = part
    return matrix


@dataclass(frozen=True, slots=True)
class Part:
    """A range of a capture file for one of several processes: the records that begin in [start, stop)."""

    start: int
    """0 for the beginning; otherwise a guess at where a record begins."""
    stop: int | None
    """None for the end of the file."""


class CaptureIndex(OpenCapture):
    """Iterates over the `Chunk`s of a capture; for the rest like CaptureReader (damage, interfaces ...).

    `source` is a path, "-" or a binary file object. Plain files are mapped into memory, a stretch at a time.
    With `part` (see `parts`) only the records of that range are read, and numbers count from 1 in it.
    """

    def __init__(self, source: CapturePath | BinaryIO, *, chunk: int = CHUNK_BYTES, part: Part | None = None) -> None:
        super().__init__(source, chunk=chunk, mapped=True)
        self.packets_read = 0
        self._shared: dict[str, Any] = {}
        self.part = part or Part(0, None)
        self.landed: int | None = None
        """Where the first record behind `part` begins, once all of it has been read; None at the end of the file."""
        self.interfaces_changed = False
        """Whether a section or an interface was described behind the first packet."""
        self._chunks = self._cut()

    def __iter__(self) -> Iterator[Chunk]:
        return self._chunks

    def _cut(self) -> Iterator[Chunk]:
        from packetlab.capture.index_pcap import PcapIndexer
        from packetlab.capture.index_pcapng import PcapngIndexer

        window = self._window
        indexer: PcapIndexer | PcapngIndexer
        stop = self.part.stop
        if self._pcap is not None:
            indexer = PcapIndexer(self._pcap)
        else:
            assert self._blocks is not None
            indexer = PcapngIndexer(self._blocks, self._state)
        if self.part.start:
            indexer.skip_to(self.part.start)
        indexer.limit = stop
        parts: list[Packets] = []
        going = True
        order = "<"
        interrupted = False
        while going:
            buf, base = window.buf, window.base
            while True:
                stretch = indexer.stretch()
                if len(stretch):
                    parts.append(stretch)
                order = indexer.order
                if stop is not None and indexer.walk.position >= stop:
                    self.landed = indexer.walk.position
                    going, single = False, None
                    break
                try:
                    going, single = indexer.step()
                except KeyboardInterrupt:
                    if window.at_end or self._source.plain_file is not None:
                        raise
                    # Whoever waits for more of a stream has had enough: hand out what is here, then stop.
                    window.at_end = interrupted = True
                    continue
                if not going or window.buf is not buf or indexer.order != order:
                    break
                if single is not None:
                    parts.append(single)
                    single = None
            if parts:
                yield self._chunk(buf, base, parts, order)
            parts = [] if single is None else [single]
        self.interfaces_changed = indexer.interfaces_changed
        if interrupted:
            self._note_end()
            raise KeyboardInterrupt
        if self.landed is None:
            self._note_end()

    @property
    def done(self) -> float:
        """How much of the file has been handed out, from 0 to 1; 0 where its size is not known."""
        size = self._source.regular_size
        return min(1.0, self._window.end / size) if size else 0.0

    def _find(self, offset: int) -> int | None:
        """The first place behind `offset` at which a record seems to begin."""
        walk = self._pcap or self._blocks
        assert walk is not None
        return walk.find(offset)

    def _chunk(self, buf: Any, base: int, parts: list[Packets], order: str) -> Chunk:
        packets = joined(parts)
        first = self.packets_read + 1
        self.packets_read += len(packets)
        data = np.frombuffer(buf, np.uint8)
        return Chunk(data, base, first, packets, self._notes.interfaces, order, self.layout is None, self._shared)


def chunks(source: CapturePath | BinaryIO, *, chunk: int = CHUNK_BYTES) -> CaptureIndex:
    """The index of a capture, chunk by chunk. See CaptureIndex."""
    return CaptureIndex(source, chunk=chunk)


def parts(source: CapturePath, count: int, *, least: int = 1 << 22) -> list[Part]:
    """Cuts a capture file into up to `count` parts of about equal size (at least `least` bytes each).

    Where a part begins is a guess, and its interfaces are taken to be those before the first packet. So the
    results of the parts are those of the whole only if, for each but the last, `landed` equals the start of the
    next and `interfaces_changed` is false; otherwise what follows has to be read again in one piece.
    A file that is compressed, or no file, is one part.
    """
    with CaptureIndex(source, chunk=1 << 20) as index:
        size = index._source.regular_size
        if index._source.plain_file is None or size is None:
            return [Part(0, None)]
        count = max(1, min(count, size // least))
        starts = [0]
        for number in range(1, count):
            found = index._find(size * number // count)
            if found is not None and found > starts[-1]:
                starts.append(found)
    return [Part(start, stop) for start, stop in zip(starts, [*starts[1:], None], strict=True)]


def whole(source: CapturePath | BinaryIO) -> tuple[Packets, CaptureIndex]:
    """The columns of all packets (about 43 bytes each), and the index with its damage and interfaces."""
    with CaptureIndex(source) as index:
        return joined([chunk.packets for chunk in index]), index
