"""What all detectors look at: one chunk of the capture, its headers as columns, read once for all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from packetlab.analysis.columns import Scan
from packetlab.analysis.plan import Column
from packetlab.capture.index import Chunk
from packetlab.internet.icmp import ICMP
from packetlab.internet.icmpv6 import ICMPv6
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import Fragment, IPv6
from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import ip_text
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

PLACED: tuple[type[Header], ...] = (Ethernet, ARP, IPv4, IPv6, Fragment, ICMP, ICMPv6, UDP, TCP)


@dataclass(frozen=True, slots=True)
class Found:
    """Headers of one class: one row each, in the order of the packets."""

    rows: Column
    at: Column
    body: Column
    stop: Column
    claimed: Column
    bytes: Column
    """(headers, size) of uint8: the first bytes of each."""

    def __len__(self) -> int:
        return len(self.rows)

    def number(self, first: int, size: int) -> Column:
        """int64: the field of so many bytes, at that place in the header."""
        made = np.zeros(len(self.rows), np.int64)
        for place in range(first, first + size):
            made = made << 8 | self.bytes[:, place]
        return made

    def chosen(self, keep: Column) -> "Found":
        """The rows for which `keep` (a mask or indexes) holds."""
        return Found(self.rows[keep], self.at[keep], self.body[keep], self.stop[keep], self.claimed[keep],
                     self.bytes[keep])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Around:
    """For each packet its innermost IP header."""

    at: Column
    """int64: where it begins; -1 where there is none."""
    body: Column
    version: Column
    """uint8: 4, 6 or 0."""
    src: Column
    """(packets, 16) of uint8; an IPv4 address is in the first four."""
    dst: Column


class Seen:
    """A chunk. `keep` says which of its packets count."""

    def __init__(self, chunk: Chunk, keep: Column | None = None) -> None:
        self.chunk, self.first, self.keep = chunk, chunk.first, keep
        self.scan = Scan(chunk, (), placed=PLACED, quoted=False)
        self._found: dict[tuple[type[Header], int], Found] = {}

    @property
    def time(self) -> Column:
        """int64: nanoseconds."""
        return self.chunk.packets.time

    def found(self, cls: type[Header], size: int) -> Found:
        """The headers of a class, and the first `size` bytes of each."""
        key = (cls, size)
        if key not in self._found:
            self._found[key] = self._read(cls, size)
        return self._found[key]

    def _read(self, cls: type[Header], size: int) -> Found:
        parts = self.scan.places(cls)
        columns = [
            np.concatenate([np.asarray(getattr(part, name), np.int64) for part in parts]) if parts
            else np.empty(0, np.int64)
            for name in ("rows", "at", "body", "stop", "claimed")
        ]  # fmt: skip
        if self.keep is not None:
            columns = [column[self.keep[columns[0]]] for column in columns]
        if len(parts) > 1:
            order = np.argsort(columns[0], kind="stable")
            columns = [column[order] for column in columns]
        rows, at, body, stop, claimed = columns
        return Found(rows, at, body, stop, claimed, self.chunk.heads(size, rows, at))

    @cached_property
    def ip(self) -> Around:
        """The innermost IP header of each packet."""
        count = len(self.chunk)
        at, body = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
        version, src, dst = np.zeros(count, np.uint8), np.zeros((count, 16), np.uint8), np.zeros((count, 16), np.uint8)
        for cls, size, start, width, number in ((IPv4, 20, 12, 4, 4), (IPv6, 40, 8, 16, 6)):
            found = self.found(cls, size)
            if not len(found):
                continue
            # The last of several in one packet stays: places are listed from the outside in.
            inner = found.at > at[found.rows]
            rows = found.rows[inner]
            at[rows], body[rows], version[rows] = found.at[inner], found.body[inner], number
            src[rows], dst[rows] = 0, 0
            src[rows, :width] = found.bytes[inner, start : start + width]
            dst[rows, :width] = found.bytes[inner, start + width : start + 2 * width]
        return Around(at, body, version, src, dst)

    @cached_property
    def marks(self) -> Column:
        """uint64: for each TCP header in `found(TCP, 20)` one number made of its addresses and ports, by direction."""
        found = self.found(TCP, 20)
        src = np.ascontiguousarray(self.ip.src[found.rows]).view("<u8")
        dst = np.ascontiguousarray(self.ip.dst[found.rows]).view("<u8")
        return mixed(found.number(0, 4), src[:, 0], src[:, 1], dst[:, 0], dst[:, 1])

    @cached_property
    def copies(self) -> Column:
        """Which TCP headers of `found(TCP, 20)` are in packets that stand in this chunk already.

        Those with equal addresses, ports, sequence number, flags, length, and identification (a sender counts it up).
        """
        found = self.found(TCP, 20)
        identification = np.zeros(len(self.chunk), np.int64)
        headers = self.found(IPv4, 20)
        identification[headers.rows] = headers.number(4, 2)
        mine = identification[found.rows]
        key = mixed(self.marks, found.number(4, 4), mine << 8 | found.bytes[:, 13], found.claimed - found.at)
        _, first = np.unique(key, return_index=True)
        copies = np.ones(len(found), bool)
        copies[first] = False
        copies &= mine != 0
        return copies

    def ends(self, rows: Column) -> Iterator[tuple[bytes, bytes]]:
        """(source, destination) of the innermost IP header of each of these packets; empty without one."""
        around = self.ip
        sizes = np.where(around.version[rows] == 6, 16, np.where(around.version[rows] == 4, 4, 0)).tolist()
        src, dst = around.src[rows].tobytes(), around.dst[rows].tobytes()
        for index, size in enumerate(sizes):
            yield src[16 * index : 16 * index + size], dst[16 * index : 16 * index + size]

    def packet(self, row: int) -> Packet:
        """One packet, taken apart."""
        packets = self.chunk.packets
        return decapsulate(
            self.chunk.bytes_of(row), int(packets.link_type[row]), wire_length=int(packets.wire[row])
        )  # fmt: skip


def address(raw: bytes) -> str:
    """An IP address as text, "?" where there was none."""
    return ip_text(raw) if len(raw) in (4, 16) else "?"


def endpoint(raw: bytes, port: int) -> str:
    """10.0.0.1:80 or [2001:db8::1]:80."""
    return f"[{address(raw)}]:{port}" if len(raw) == 16 else f"{address(raw)}:{port}"


def mixed(*columns: Column) -> Column:
    """One number of 64 bits for each row; equal rows give equal ones, others hardly ever."""
    made = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        made = (made ^ column.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        made ^= made >> np.uint64(29)
    return made
