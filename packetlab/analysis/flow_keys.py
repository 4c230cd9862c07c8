"""The endpoints of a chunk's packets at one layer, as numbers to tell flows apart by.

An endpoint is an address and, for TCP and UDP, a port. IPv4 addresses and MAC addresses fit into 64 bits as they
are; IPv6 addresses are mixed into 64 bits with a secret of this run. Each header counts: a packet in a tunnel
belongs to the flow of the outer addresses and to that of the inner ones. Packets that ICMP errors quote do not.
"""

from typing import Any, Literal

import numpy as np

from packetlab.analysis.cells import At, Cells
from packetlab.analysis.columns import Scan, Visit
from packetlab.analysis.flow_counts import KEY_BYTES, Batch
from packetlab.analysis.plan import Column, plan_of
from packetlab.capture.index import Chunk
from packetlab.model.header import Header

Layer = Literal["eth", "ip", "ipv6", "tcp", "udp"]
LAYERS: tuple[Layer, ...] = ("tcp", "udp", "ip", "ipv6", "eth")

_PROTOCOLS = {"eth": ("ethernet", "ieee8023"), "ip": ("ipv4",), "ipv6": ("ipv6",), "tcp": ("tcp",), "udp": ("udp",)}


def header_classes(layer: Layer) -> tuple[type[Header], ...]:
    """The headers whose packets have flows at that layer."""
    import packetlab.protocols  # noqa: F401

    return tuple(next(one for one in Header.subclasses if one.name == name) for name in _PROTOCOLS[layer])


class Ends:
    """Senders and receivers of the packets of one chunk at one layer."""

    def __init__(self, scan: Scan, layer: Layer, secret: tuple[int, int], chosen: Column | None = None) -> None:
        self.cells: Cells = scan.cells
        self.layer = layer
        self.has_ports = layer in ("tcp", "udp")
        classes = header_classes(layer)
        self._visits = [one for one in scan.visits if one.path[-1] in classes and len(one.rows)]
        if self.has_ports:
            self._visits = [one for one in self._visits if one.network]
        captured = scan.chunk.packets.captured
        parts = []
        for number, visit in enumerate(self._visits):
            keep = captured[visit.rows] >= self._needed(visit)
            if chosen is not None:
                keep &= chosen[visit.rows]
            if not keep.all():
                self._visits[number] = visit = visit.of(keep)
            parts.append((visit.rows, *self._numbers(visit, secret)))
        self._order: Column | None = None
        self._starts = np.cumsum([0, *(len(part[0]) for part in parts)])
        if not parts:
            self.rows, self.source, self.target = np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.uint64)
        elif len(parts) == 1:
            self.rows, self.source, self.target = parts[0]
        else:
            rows, source, target = (np.concatenate(columns) for columns in zip(*parts, strict=True))
            # Into the order of the capture; of one packet the outer header first.
            depth = np.repeat([len(visit.path) for visit in self._visits], np.diff(self._starts))
            self._order = order = np.argsort(rows * 256 + depth, kind="stable" if len(rows) < 1024 else None)
            self.rows, self.source, self.target = rows[order], source[order], target[order]

    def _needed(self, visit: Visit) -> At:
        """Where the addresses end, or the ports."""
        if self.has_ports:
            return visit.at + 4
        if self.layer == "eth":
            return visit.at + 12
        at, size = _addresses(visit)
        return at + 2 * size

    def _numbers(self, visit: Visit, secret: tuple[int, int]) -> tuple[Column, Column]:
        cells, rows = self.cells, visit.rows
        if self.layer == "eth":
            heads = [cells.words(rows, visit.at + at, 2).astype(np.uint64) << np.uint64(32) for at in (6, 0)]
            tails = [cells.words(rows, visit.at + at, 4) for at in (8, 2)]
            return heads[0] | tails[0], heads[1] | tails[1]
        at, size = _addresses(visit)
        ports = [cells.words(rows, visit.at + place, 2) for place in (0, 2)] if self.has_ports else [0, 0]
        found = []
        for number, place in enumerate((at, at + size)):
            if size == 4:
                value = cells.words(rows, place, 4).astype(np.uint64)
            else:
                value = cells.words(rows, place, 8) ^ np.uint64(secret[0])
                value *= _ODD
                value ^= value >> np.uint64(31)
                value += cells.words(rows, place + 8, 8) ^ np.uint64(secret[1])
                value *= _ODD
                value ^= value >> np.uint64(29)
            if self.has_ports:
                value ^= ports[number].astype(np.uint64) << np.uint64(32)  # type: ignore[union-attr]
            found.append(value)
        return found[0], found[1]

    def batch(self, chunk: Chunk) -> Batch:
        """What there is to count."""
        packets, rows = chunk.packets, self.rows
        everything = len(rows) == len(packets) and self._order is None
        times, sizes = (packets.time, packets.wire) if everything else (packets.time[rows], packets.wire[rows])
        source, target = self.source, self.target
        batch = Batch(
            np.minimum(source, target), np.maximum(source, target), (source > target).view(np.uint8),
            rows + chunk.first, times, sizes.astype(np.int64),
        )  # fmt: skip
        if self.layer == "tcp":
            batch.flags = self._flags(packets.captured)
            batch.sequences = self._sequences
        return batch

    def _flags(self, captured: Column) -> Column:
        parts = []
        for visit in self._visits:
            flags = (self.cells.words(visit.rows, visit.at + 12, 2) & np.uint16(0x1FF)).astype(np.uint16)
            flags[captured[visit.rows] < visit.at + 14] = 0  # cut off before
            parts.append(flags)
        flags = np.concatenate(parts)
        return flags if self._order is None else flags[self._order]

    def _sequences(self, indices: Column) -> tuple[Column, Column]:
        sequence, acknowledgment = np.zeros(len(indices), np.int64), np.zeros(len(indices), np.int64)
        for visit, mine, places in self._by_visit(indices):
            rows, at = visit.rows[places], _some(visit.at, places)
            sequence[mine] = self.cells.words(rows, at + 4, 4)
            acknowledgment[mine] = self.cells.words(rows, at + 8, 4)
        return sequence, acknowledgment

    def keys(self, indices: Column) -> Column:
        """The endpoints of some packets as bytes, (n, KEY_BYTES); the one with the lower number first."""
        keys = np.zeros((len(indices), 2, KEY_BYTES // 2), np.uint8)
        for visit, mine, places in self._by_visit(indices):
            rows = visit.rows[places]
            if self.layer == "eth":
                size, starts = 6, [_some(visit.at, places) + 6, _some(visit.at, places)]
            else:
                at, size = _addresses(visit)
                starts = [_some(at, places), _some(at, places) + size]
            for end, start in enumerate(starts):
                keys[mine, end, :size] = self.cells.octets(rows, start, size)
                keys[mine, end, 18] = size
                if self.has_ports:
                    port = _some(visit.at, places) + 2 * end
                    keys[mine, end, 16:18] = self.cells.octets(rows, port, 2)
        turned = self.source[indices] > self.target[indices]
        keys[turned] = keys[turned][:, ::-1]
        return keys.reshape(len(indices), KEY_BYTES)

    def _by_visit(self, indices: Column) -> Any:
        """(visit, which of the indices are its, their places in it)."""
        places = indices if self._order is None else self._order[indices]
        for number, visit in enumerate(self._visits):
            mine = np.flatnonzero((places >= self._starts[number]) & (places < self._starts[number + 1]))
            if len(mine):
                yield visit, mine, places[mine] - self._starts[number]


def _addresses(visit: Visit) -> tuple[At, int]:
    """Where the source address of the IP header lies, and the size of an address."""
    assert visit.network is not None
    cls, at = visit.network
    plan = plan_of(cls)
    assert plan is not None
    place = plan.places["src"]
    return at + place.byte, place.size


def _some(at: At, places: Column) -> At:
    return at if isinstance(at, int) else at[places]


_ODD = np.uint64(0x9E3779B97F4A7C15)
