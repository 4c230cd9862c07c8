"""Flows: who talked to whom, in both directions, at one layer of a capture.

A flow is an unordered pair of endpoints: addresses, and ports where the layer has them. Each chunk of the
capture is grouped with NumPy (one 64-bit hash per packet, verified against the keys themselves) and the groups
are added to a table, so the work per packet is a few array operations and memory grows with flows, not packets.
In a tunnel the innermost addresses count; packets that ICMP errors quote do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np

from packetlab.analysis.columns import FieldOf, Scan
from packetlab.analysis.filter import Filter
from packetlab.analysis.plan import Column
from packetlab.capture.index import Chunk, chunks
from packetlab.capture.source import CapturePath
from packetlab.model.addresses import ip_text, mac_text
from packetlab.model.header import Header

Layer = Literal["eth", "ip", "ipv6", "tcp", "udp"]
MAX_FLOWS = 1_000_000
"""Flows that are told apart; the packets of any more are counted together in `FlowTable.other_packets`."""

_KEY = 40
"""Bytes of a key: two endpoints of 16 bytes address and 2 bytes port, the family, padding to whole words."""


@dataclass(slots=True)
class Flow:
    """One conversation; A is the endpoint that sent the first packet."""

    a: bytes
    b: bytes
    a_port: int
    b_port: int
    packets_ab: int = 0
    packets_ba: int = 0
    bytes_ab: int = 0
    bytes_ba: int = 0
    first: int = 0
    """Time of the first packet, nanoseconds since 1970."""
    last: int = 0
    flags_ab: int = 0
    """TCP flags that A ever set."""
    flags_ba: int = 0
    first_packet: int = 0
    """Number of the first packet in the capture."""

    @property
    def packets(self) -> int:
        return self.packets_ab + self.packets_ba

    @property
    def bytes(self) -> int:
        return self.bytes_ab + self.bytes_ba

    @property
    def duration(self) -> int:
        """Nanoseconds between the first and the last packet."""
        return self.last - self.first

    def endpoint(self, which: Literal["a", "b"]) -> str:
        """An endpoint as text: 10.0.0.1:80, [2001:db8::1]:80, 02:00:00:00:00:01."""
        address, port = (self.a, self.a_port) if which == "a" else (self.b, self.b_port)
        text = mac_text(address) if len(address) == 6 else ip_text(address)
        if port < 0:
            return text
        return f"[{text}]:{port}" if len(address) == 16 else f"{text}:{port}"


@dataclass(slots=True)
class FlowTable:
    """All flows of one layer, in the order of their first packets."""

    layer: Layer
    flows: list[Flow]
    packets: int = 0
    """Packets that belong to some flow."""
    other_packets: int = 0

    def __iter__(self) -> Iterator[Flow]:
        return iter(self.flows)

    def __len__(self) -> int:
        return len(self.flows)


def flows(source: CapturePath | BinaryIO, layer: Layer = "tcp", where: Filter | None = None) -> FlowTable:
    """The flows of a capture at one layer, of the packets for which the filter `where` holds."""
    collector = FlowCollector(layer)
    first_time: int | None = None
    with chunks(source) as index:
        for chunk in index:
            if first_time is None and len(chunk):
                first_time = int(chunk.packets.time[0])
            collector.add(chunk, where.select(chunk, first_time or 0) if where else None)
    return collector.table()


class FlowCollector:
    """Gathers the flows of chunk after chunk."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self._flows: dict[bytes, Flow] = {}
        self._packets = 0
        self._other = 0
        self._addresses, self._ports = _fields(layer)
        self._flags = _field("tcp", "flags") if layer == "tcp" else None

    def add(self, chunk: Chunk, chosen: Column | None = None) -> None:
        """Count the packets of a chunk, or the `chosen` ones (a boolean per packet)."""
        wanted = [field for pair in self._addresses for field in pair] + list(self._ports)
        if self._flags:
            wanted.append(self._flags)
        scan = Scan(chunk, wanted, quoted=False)
        rows, source, target = self._keys(chunk, scan)
        if chosen is not None:
            keep = chosen[rows]
            rows, source, target = rows[keep], source[keep], target[keep]
        if len(rows):
            flags = _last(chunk, scan, self._flags)[rows] if self._flags else np.zeros(len(rows), np.uint32)
            self._group(chunk, rows, source, target, flags)

    def table(self) -> FlowTable:
        """What was gathered."""
        ordered = sorted(self._flows.values(), key=lambda flow: flow.first_packet)
        return FlowTable(self.layer, ordered, self._packets, self._other)

    def _keys(self, chunk: Chunk, scan: Scan) -> tuple[Column, Column, Column]:
        """Rows with an endpoint pair, and the two endpoints as (rows, 20) bytes: address, port, family."""
        count = len(chunk)
        source, target = np.zeros((count, 20), np.uint8), np.zeros((count, 20), np.uint8)
        has = np.zeros(count, bool)
        for from_field, to_field in self._addresses:
            for found, other in zip(scan.occurrences(from_field), scan.occurrences(to_field), strict=True):
                size = found.values.shape[1]
                source[found.rows] = target[found.rows] = 0  # an inner header replaces the outer one
                source[found.rows, :size] = found.values
                target[found.rows, :size] = other.values
                source[found.rows, 18] = target[found.rows, 18] = size
                has[found.rows] = True
        if self._ports:
            ported = np.zeros(count, bool)
            for found, other in zip(*(scan.occurrences(port) for port in self._ports), strict=True):
                for ends, values in ((source, found.values), (target, other.values)):
                    ends[found.rows, 16] = values >> 8
                    ends[found.rows, 17] = values & 0xFF
                ported[found.rows] = True
            has &= ported
        rows = np.flatnonzero(has)
        return rows, source[rows], target[rows]

    def _group(self, chunk: Chunk, rows: Column, source: Column, target: Column, flags: Column) -> None:
        words_a = np.ascontiguousarray(source).view(np.uint32)
        words_b = np.ascontiguousarray(target).view(np.uint32)
        hash_a, hash_b = _mixed(words_a), _mixed(words_b)
        swap = hash_a > hash_b
        hashes = np.where(swap, hash_b * _TURN + hash_a, hash_a * _TURN + hash_b)
        _, firsts, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        inverse = inverse.reshape(-1)
        # Two flows of one hash would be counted as one: hold every packet against its group's first.
        representative = firsts[inverse]
        same = (words_a == words_a[representative]).all(axis=1) & (words_b == words_b[representative]).all(axis=1)
        turned = (words_a == words_b[representative]).all(axis=1) & (words_b == words_a[representative]).all(axis=1)
        if not (same | turned).all():
            odd = ~(same | turned)
            keep = ~odd
            self._group(chunk, rows[odd], source[odd], target[odd], flags[odd])
            return self._group(chunk, rows[keep], source[keep], target[keep], flags[keep])
        packets = chunk.packets
        backwards = ~same
        count = len(firsts)
        lengths = packets.wire[rows].astype(np.float64)
        group = inverse * 2 + backwards
        numbers = np.bincount(group, minlength=count * 2).reshape(count, 2)
        sizes = np.bincount(group, weights=lengths, minlength=count * 2).reshape(count, 2).astype(np.int64)
        times = packets.time[rows]
        earliest, latest = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
        np.minimum.at(earliest, inverse, times)
        np.maximum.at(latest, inverse, times)
        seen: Column = np.zeros(count * 2, np.uint32)
        np.bitwise_or.at(seen, group, flags.astype(np.uint32))
        seen = seen.reshape(count, 2)
        for number, place in enumerate(firsts.tolist()):
            one, other = source[place].tobytes(), target[place].tobytes()
            self._add(one, other, chunk.first + int(rows[place]), numbers[number].tolist(), sizes[number].tolist(),
                      int(earliest[number]), int(latest[number]), seen[number].tolist())  # fmt: skip
        self._packets += len(rows)
        return None

    def _add(
        self, one: bytes, other: bytes, packet: int, numbers: list[int], sizes: list[int],
        earliest: int, latest: int, flags: list[int],
    ) -> None:  # fmt: skip
        key = one + other if one <= other else other + one
        flow = self._flows.get(key)
        if flow is None:
            if len(self._flows) >= MAX_FLOWS:
                self._other += sum(numbers)
                return
            (a, a_port), (b, b_port) = _endpoint(one, bool(self._ports)), _endpoint(other, bool(self._ports))
            flow = self._flows[key] = Flow(a, b, a_port, b_port, first=earliest, last=latest, first_packet=packet)
        forward = _endpoint(one, bool(self._ports)) == (flow.a, flow.a_port)
        ab, ba = (0, 1) if forward else (1, 0)
        flow.packets_ab += numbers[ab]
        flow.packets_ba += numbers[ba]
        flow.bytes_ab += sizes[ab]
        flow.bytes_ba += sizes[ba]
        flow.flags_ab |= flags[ab]
        flow.flags_ba |= flags[ba]
        flow.first, flow.last = min(flow.first, earliest), max(flow.last, latest)


_TURN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(words: Column) -> Column:
    """A 64-bit hash per row of 32-bit words (multiply and fold, as in splitmix64)."""
    value = np.zeros(len(words), np.uint64)
    for column in range(words.shape[1]):
        value = (value ^ words[:, column]) * _TURN
        value ^= value >> np.uint64(29)
    return value


def _endpoint(packed: bytes, has_port: bool) -> tuple[bytes, int]:
    return packed[: packed[18]], int.from_bytes(packed[16:18], "big") if has_port else -1


def _last(chunk: Chunk, scan: Scan, field: FieldOf) -> Column:
    """Per row, the innermost value of a numeric field; 0 where it does not occur."""
    values = np.zeros(len(chunk), np.uint32)
    for found in scan.occurrences(field):
        values[found.rows] = found.values
    return values


def _field(protocol: str, name: str) -> FieldOf:
    import packetlab.protocols  # noqa: F401

    cls: type[Header] = next(one for one in Header.subclasses if one.name == protocol)
    return FieldOf(cls, cls.spec(name))


def _fields(layer: Layer) -> tuple[list[tuple[FieldOf, FieldOf]], tuple[FieldOf, ...]]:
    def pair(protocol: str) -> tuple[FieldOf, FieldOf]:
        return _field(protocol, "src"), _field(protocol, "dst")

    if layer == "eth":
        return [pair("ethernet"), pair("ieee8023")], ()
    if layer == "ip":
        return [pair("ipv4")], ()
    if layer == "ipv6":
        return [pair("ipv6")], ()
    known: Any = {one.name for one in Header.subclasses}
    addresses = [pair("ipv4"), *([pair("ipv6")] if "ipv6" in known else [])]
    return addresses, (_field(layer, "src_port"), _field(layer, "dst_port"))
