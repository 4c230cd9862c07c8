"""Captures built byte by byte from the format's own description, independent of packetlab's writer."""

import struct
from collections.abc import Iterable, Sequence

from packetlab.model.frame import Frame

START = 1_700_000_000

Record = tuple[int, int, bytes, int]
"""Seconds, ticks, data, length on the wire."""


def packet(number: int, size: int = 60) -> bytes:
    """Bytes of a packet that differ from those of every other."""
    return (struct.pack(">I", number) * (size // 4 + 1))[:size]


def records(count: int, size: int = 60) -> list[Record]:
    """Packets of different sizes, a millisecond apart."""
    return [(START + n // 1000, n % 1000 * 1000, packet(n, size + n % 7), size + n % 7) for n in range(count)]


def pcap(
    packets: Iterable[Record],
    *,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    version: tuple[int, int] = (2, 4),
    link_type: int = 1,
    snap_length: int = 65535,
    extra: Sequence[bytes] = (),
    swapped: bool = False,
    file_extra: bytes = b"",
) -> bytes:
    """A pcap file. `extra` are bytes to append to each record header (the modified format)."""
    parts = [struct.pack(order + "IHHiIII", magic, *version, 0, 0, snap_length, link_type) + file_extra]
    for number, (seconds, ticks, data, wire) in enumerate(packets):
        lengths = (wire, len(data)) if swapped else (len(data), wire)
        parts.append(struct.pack(order + "IIII", seconds, ticks, *lengths))
        parts.append(extra[number] if extra else b"")
        parts.append(data)
    return b"".join(parts)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<", options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def interface(link_type: int = 1, snap_length: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(order + "HHI", link_type, 0, snap_length) + options, order)


def enhanced(
    data: bytes, ticks: int, *, which: int = 0, wire: int | None = None, options: bytes = b"", order: str = "<"
) -> bytes:
    wire = len(data) if wire is None else wire
    head = struct.pack(order + "IIIII", which, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire)
    return block(6, head + data + bytes(-len(data) % 4) + options, order)


def pcapng(packets: Iterable[Record], order: str = "<") -> bytes:
    """One section with one interface in microseconds."""
    blocks = [
        enhanced(data, seconds * 1_000_000 + ticks, wire=wire, order=order) for seconds, ticks, data, wire in packets
    ]
    return section(order) + interface(order=order) + b"".join(blocks)


def plain(frames: Iterable[Frame]) -> list[tuple[int, bytes, int]]:
    """What every format can hold of frames."""
    return [(frame.time, frame.data, frame.wire_length) for frame in frames]


def expected(packets: Iterable[Record], scale: int = 1000) -> list[tuple[int, bytes, int]]:
    return [(seconds * 1_000_000_000 + ticks * scale, data, wire) for seconds, ticks, data, wire in packets]
