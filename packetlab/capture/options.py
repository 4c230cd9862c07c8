"""The options of pcapng blocks: code, length, value (draft-ietf-opsawg-pcapng section 3.5)."""

import struct
from collections.abc import Iterable

from packetlab.capture.sections import MOST_TEXT

END, COMMENT = 0, 1
HARDWARE, OPERATING_SYSTEM, APPLICATION = 2, 3, 4  # of a section
IF_NAME, IF_DESCRIPTION, IF_IPV4, IF_IPV6, IF_MAC, IF_SPEED = 2, 3, 4, 5, 6, 8
IF_TIME_RESOLUTION, IF_FILTER, IF_OPERATING_SYSTEM = 9, 11, 12
IF_FCS_LENGTH, IF_TIME_OFFSET, IF_HARDWARE = 13, 14, 15
PACKET_FLAGS, PACKET_DROPS = 2, 4
STATISTICS_START, STATISTICS_END = 2, 3
STATISTICS_COUNTS = {
    4: "received",
    5: "dropped_by_interface",
    6: "accepted_by_filter",
    7: "dropped_by_system",
    8: "delivered",
}

Options = list[tuple[int, bytes]]


def parse(data: bytes, start: int, stop: int, order: str) -> tuple[Options, int]:
    """The options in data[start:stop], and how many bytes at the end are no options that can be read."""
    options: Options = []
    unpack = struct.Struct(order + "HH").unpack_from
    while start + 4 <= stop:
        code, length = unpack(data, start)
        if code == END:
            return options, 0
        behind = start + 4 + length
        if behind > stop:
            return options, stop - start
        options.append((code, data[start + 4 : behind]))
        start += 4 + (length + 3 & ~3)
    return options, max(0, stop - start)


def text(value: bytes) -> str:
    """The text of an option; bytes that are not UTF-8 become U+FFFD."""
    return value[:MOST_TEXT].decode("utf-8", "replace").rstrip("\0")


def comments(options: Options) -> list[str]:
    """All comments among `options`."""
    return [text(value) for code, value in options if code == COMMENT]


def first(options: Options, code: int) -> bytes | None:
    """The value of the first option with that code."""
    for each, value in options:
        if each == code:
            return value
    return None


def first_text(options: Options, code: int) -> str:
    """The text of the first option with that code; "" where there is none."""
    return text(first(options, code) or b"")


def number(value: bytes | None, order: str) -> int | None:
    """An unsigned number of 1, 2, 4 or 8 bytes; None for anything else."""
    if value is None or len(value) not in (1, 2, 4, 8):
        return None
    return int.from_bytes(value, "little" if order == "<" else "big")


def build(options: Iterable[tuple[int, bytes | str]]) -> bytes:
    """The options in little-endian bytes with an end mark; nothing at all where there are none.

    Empty values are left out. A value is cut where it is longer than an option can be.
    """
    parts: list[bytes] = []
    for code, value in options:
        raw = value.encode("utf-8", "replace") if isinstance(value, str) else value
        if raw:
            raw = raw[:0xFFFF]
            parts.append(struct.pack("<HH", code, len(raw)) + raw + bytes(-len(raw) % 4))
    return b"".join(parts) + bytes(4) if parts else b""
