"""The TCP segments of a capture as columns, each with the number of its connection.

What streams, TCP health and flows have in common: where the segment's bytes lie, what its header says, and which
connection it belongs to. Per chunk the headers are read as columns (columns.py); connections are told apart by
addresses and ports, and numbered as Wireshark 4.0 numbers `tcp.stream`: in the order of their first packets, and a
SYN on known addresses and ports begins a new connection if its sequence number is another one than that side began
with (with the same one it is the same attempt again, even after a reset). Python runs once per connection and
chunk, and per packet only where addresses and ports are used again. IP fragments are put together first; their
segment stands where the last missing fragment came. In a tunnel the innermost TCP counts; what ICMP errors quote
does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from packetlab.analysis.columns import Places, Scan
from packetlab.analysis.filter import Filter
from packetlab.analysis.fragmented import FragmentRows
from packetlab.analysis.grouping import Groups
from packetlab.analysis.plan import Column, plan_of, read_column
from packetlab.capture.index import Chunk, chunks, take_bytes
from packetlab.capture.source import CapturePath
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.model.addresses import ip_text
from packetlab.model.packet import Packet
from packetlab.transport.tcp import TCP

MAX_STREAMS = 1_000_000
"""Connections that are told apart; segments of any more are left out, and counted."""

_SYN_ACK, _SYN = int(TCP.SYN | TCP.ACK), int(TCP.SYN)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Between whom: source and destination of the connection's first packet."""

    src: bytes
    src_port: int
    dst: bytes
    dst_port: int

    def text(self, direction: int) -> str:
        """The sender of packets of that direction: 10.0.0.1:80 or [2001:db8::1]:80."""
        address, port = (self.dst, self.dst_port) if direction else (self.src, self.src_port)
        return f"[{ip_text(address)}]:{port}" if len(address) == 16 else f"{ip_text(address)}:{port}"


@dataclass(slots=True)
class Segments:
    """The TCP segments of one chunk in the order of the capture; arrays of equal length.

    The arrays are the reader's own, and the bytes are to be had only until the next chunk is asked for.
    """

    chunk: Chunk
    row: Column
    """int64: which packet of the chunk."""
    stream: Column
    """int64: number of the connection."""
    direction: Column
    """uint8: 0 from the sender of the connection's first packet, 1 towards it."""
    sequence: Column
    """uint32, as in the header."""
    acknowledgment: Column
    flags: Column
    """uint32: the nine flags."""
    window: Column
    """uint32: before scaling."""
    header: Column
    """int64: length of the TCP header in bytes."""
    length: Column
    """int64: payload bytes, by the length in the IP header."""
    captured: Column
    """int64: payload bytes that the capture holds."""
    at: Column
    """int64: where the TCP header begins in the packet."""
    whole: dict[int, bytes] = field(default_factory=dict)
    """Index: the packet, put together from fragments; `at` counts in it."""

    def __len__(self) -> int:
        return len(self.row)

    @property
    def number(self) -> Column:
        """int64: packet numbers in the capture."""
        return self.row + self.chunk.first

    @property
    def time(self) -> Column:
        """int64: nanoseconds since 1970."""
        return self.chunk.packets.time[self.row]

    def _bytes(self, index: int, start: int, size: int) -> bytes:
        if index in self.whole:
            return self.whole[index][start : start + size]
        begin = int(self.chunk.packets.offset[self.row[index]]) - self.chunk.base + start
        return self.chunk.data[begin : begin + size].tobytes()

    def options(self, index: int) -> bytes:
        """The options of a segment's header."""
        return self._bytes(index, int(self.at[index]) + 20, int(self.header[index]) - 20)

    def payload(self, index: int) -> bytes:
        """The payload of a segment, as far as it was captured."""
        return self._bytes(index, int(self.at[index] + self.header[index]), int(self.captured[index]))

    def chosen(self, keep: Column) -> "Segments":
        """The segments for which `keep` (a mask) is true."""
        if keep.all():
            return self
        places = np.cumsum(keep) - 1
        whole = {int(places[index]): data for index, data in self.whole.items() if keep[index]}
        return Segments(self.chunk, whole=whole, **{name: getattr(self, name)[keep] for name in _COLUMNS})


_COLUMNS = tuple(name for name in Segments.__slots__ if name not in ("chunk", "whole"))


def segments(source: CapturePath | BinaryIO, where: Filter | None = None) -> Iterator[Segments]:
    """The TCP segments of a capture, chunk by chunk; `where` leaves packets out after connections were numbered."""
    reader = SegmentReader()
    first_time: int | None = None
    with chunks(source) as index:
        for chunk in index:
            found = reader.read(chunk)
            if where is not None:
                first_time = int(chunk.packets.time[0]) if first_time is None else first_time
                found = found.chosen(where.select(chunk, first_time)[found.row])
            yield found


@dataclass(slots=True)
class _Connection:
    """The newest connection of a pair of endpoints."""

    number: int
    source: bytes
    began: list[int | None]
    """The sequence number with which each direction began, or that before the first one seen."""


class SegmentReader:
    """Finds the segments of chunk after chunk, and numbers their connections."""

    def __init__(self) -> None:
        import packetlab.protocols  # noqa: F401

        self.streams: list[Endpoints] = []
        self.left_out = 0
        """Segments of connections beyond MAX_STREAMS."""
        self._newest: dict[bytes, _Connection] = {}
        self._fragments = FragmentRows()

    def read(self, chunk: Chunk) -> Segments:
        """The segments of the next chunk."""
        scan = Scan(chunk, self._fragments.fields, self._fragments.classes, placed=(TCP, IPv4, IPv6), quoted=False)
        found, ends = self._plain(chunk, scan)
        put_together = self._fragments.complete(chunk, scan)
        if self._fragments.last_rows is not None:
            keep = ~self._fragments.last_rows[found.row]
            found, ends = found.chosen(keep), ends[keep]
        for row, packet in put_together:
            if TCP in packet:
                found, ends = _with(found, ends, chunk, row, packet)
        if put_together:
            order = np.argsort(found.row, kind="stable")
            back = np.empty_like(order)
            back[order] = np.arange(len(order))
            whole = {int(back[index]): data for index, data in found.whole.items()}
            found = Segments(chunk, whole=whole, **{name: getattr(found, name)[order] for name in _COLUMNS})
            ends = ends[order]
        self._number(found, ends)
        known = found.stream >= 0
        self.left_out += int((~known).sum())
        return found.chosen(known)

    def _plain(self, chunk: Chunk, scan: Scan) -> tuple[Segments, Column]:
        count = len(chunk)
        at, body, stop, claimed = (np.full(count, -1, np.int64) for _ in range(4))
        for place in scan.places(TCP):
            inner = place.at > at[place.rows]
            rows = place.rows[inner]
            at[rows], body[rows], stop[rows] = place.at[inner], place.body[inner], place.stop[inner]
            claimed[rows] = place.claimed[inner]
        ends, is_ip = np.zeros((count, 40), np.uint8), np.full(count, -1, np.int64)
        for cls in (IPv4, IPv6):
            for place in scan.places(cls):
                self._addresses(chunk, cls, place, at, is_ip, ends)
        plan = plan_of(TCP)
        assert plan is not None
        # A header that is not all there has no flags or ports to go by.
        row = np.flatnonzero((at >= 0) & (is_ip >= 0) & (stop - at >= plan.size))
        matrix = chunk.heads(plan.size, row, at[row])
        ends = ends[row]
        ends[:, 16:18] = matrix[:, 0:2]
        ends[:, 36:38] = matrix[:, 2:4]

        def column(name: str) -> Column:
            return read_column(matrix, plan.places[name]).astype(np.uint32)

        at, body, stop, claimed = at[row], body[row], stop[row], claimed[row]
        return Segments(
            chunk, row, np.full(len(row), -1, np.int64), np.zeros(len(row), np.uint8), column("sequence"),
            column("acknowledgment"), column("flags"), column("window"), body - at, np.maximum(claimed - body, 0),
            np.maximum(stop - body, 0), at,
        ), ends  # fmt: skip

    def _addresses(self, chunk: Chunk, cls: type, place: Places, at: Column, is_ip: Column, ends: Column) -> None:
        """Note the addresses of the IP headers nearest around the TCP headers."""
        plan = plan_of(cls)
        assert plan is not None
        nearer = (place.at < at[place.rows]) & (place.at > is_ip[place.rows])
        rows, start = place.rows[nearer], place.at[nearer]
        matrix = chunk.heads(plan.size, rows, start)
        is_ip[rows] = start
        for name, column in (("src", 0), ("dst", 20)):
            where = plan.places[name]
            ends[rows, column : column + 16] = 0
            ends[rows, column : column + where.size] = read_column(matrix, where)
            ends[rows, column + 18] = where.size

    def _number(self, found: Segments, ends: Column) -> None:
        """Give each segment the number of its connection, and its direction."""
        groups = Groups(ends)
        flags = found.flags
        opening = (flags & _SYN_ACK) == _SYN
        created: list[tuple[int, _Connection, Endpoints]] = []
        changes: list[tuple[Column, _Connection, Column]] = []
        for group in groups:
            rows = group.rows
            source = ends[rows[0], :20].tobytes()
            key = min(source, ends[rows[0], 20:].tobytes()) + max(source, ends[rows[0], 20:].tobytes())
            connection = self._newest.get(key)
            starts = rows[opening[rows]]
            if connection is None:
                connection = self._open(created, ends, int(rows[0]))
                self._newest[key] = connection
                plain = not len(starts) or (len(starts) == 1 and starts[0] == rows[0])
            else:
                plain = not len(starts)
            backwards = group.turned ^ (connection.source != source)
            if plain:
                self._take(connection, found, rows, backwards)
                changes.append((rows, connection, backwards))
                continue
            begin = 0
            for place, row in enumerate(rows.tolist()):
                side = int(backwards[place])
                if opening[row] and place > begin and self._is_new(connection, int(found.sequence[row]), side):
                    changes.append((rows[begin:place], connection, backwards[begin:place]))
                    turned = bool(backwards[place])
                    connection = self._newest[key] = self._open(created, ends, row)
                    begin, backwards = place, backwards ^ turned
                    side = 0
                elif opening[row] and place == begin and self._is_new(connection, int(found.sequence[row]), side):
                    turned = bool(backwards[place])
                    connection = self._newest[key] = self._open(created, ends, row)
                    backwards = backwards ^ turned
                    side = 0
                self._note(connection, int(found.sequence[row]), int(flags[row]), side)
            changes.append((rows[begin:], connection, backwards[begin:]))
        created.sort(key=lambda one: one[0])
        for _, connection, endpoints in created:
            if len(self.streams) < MAX_STREAMS:
                connection.number = len(self.streams)
                self.streams.append(endpoints)
        for rows, connection, backwards in changes:
            found.stream[rows] = connection.number
            found.direction[rows] = backwards

    def _open(self, created: list[tuple[int, _Connection, Endpoints]], ends: Column, row: int) -> _Connection:
        packed = ends[row].tobytes()
        connection = _Connection(-1, packed[:20], [None, None])
        endpoints = Endpoints(
            packed[: packed[18]], int.from_bytes(packed[16:18], "big"),
            packed[20 : 20 + packed[38]], int.from_bytes(packed[36:38], "big"),
        )  # fmt: skip
        created.append((row, connection, endpoints))
        return connection

    @staticmethod
    def _is_new(connection: _Connection, sequence: int, side: int) -> bool:
        """Whether a SYN begins another connection than the one known."""
        began = connection.began[side]
        return began is not None and began != sequence

    @staticmethod
    def _note(connection: _Connection, sequence: int, flags: int, side: int) -> None:
        if connection.began[side] is None:
            connection.began[side] = sequence if flags & _SYN else (sequence - 1) & 0xFFFFFFFF

    def _take(self, connection: _Connection, found: Segments, rows: Column, backwards: Column) -> None:
        """Note what segments that open nothing say of their connection."""
        for side in (0, 1):
            if connection.began[side] is None:
                mine = rows[backwards == bool(side)]
                if len(mine):
                    self._note(connection, int(found.sequence[mine[0]]), int(found.flags[mine[0]]), side)


def _with(found: Segments, ends: Column, chunk: Chunk, row: int, packet: Packet) -> tuple[Segments, Column]:
    """The segments, and one more that came in fragments."""
    data = packet.data if packet.data is not None else packet.encapsulate()
    index = max(number for number, header in enumerate(packet.layers) if isinstance(header, TCP))
    around = next((one for one in reversed(packet.layers[:index]) if isinstance(one, IPv4 | IPv6)), None)
    at, body, stop = packet.bounds()[index]
    plan = plan_of(TCP)
    assert plan is not None
    if around is None or stop - at < plan.size:
        return found, ends
    matrix = take_bytes(np.frombuffer(data, np.uint8), np.asarray([at]), np.asarray([stop - at]), plan.size)
    values = {name: int(read_column(matrix, plan.places[name])[0])
              for name in ("sequence", "acknowledgment", "flags", "window")}  # fmt: skip
    values |= {"row": row, "stream": -1, "direction": 0, "header": body - at, "length": stop - body,
               "captured": stop - body, "at": at}  # fmt: skip
    end = np.zeros((1, 40), np.uint8)
    for start, address, port in ((0, around.src, 0), (20, around.dst, 2)):
        end[0, start : start + len(address)] = np.frombuffer(address, np.uint8)
        end[0, start + 16 : start + 18] = matrix[0, port : port + 2]
        end[0, start + 18] = len(address)
    columns = {name: np.append(getattr(found, name), np.asarray([values[name]], getattr(found, name).dtype))
               for name in _COLUMNS}  # fmt: skip
    whole = found.whole | {len(found): data}
    return Segments(chunk, whole=whole, **columns), np.concatenate([ends, end])
