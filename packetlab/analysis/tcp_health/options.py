"""The TCP options that the judgement of a segment needs, read in place.

Nearly all segments carry timestamps and nothing else, or no option: those are told apart as a column, and only
the others are read.
"""

from dataclasses import dataclass

import numpy as np

from packetlab.analysis.plan import Column
from packetlab.analysis.segments import Segments
from packetlab.transport.tcp import TCP

_TIMESTAMPS = (1, 1, 8, 10)
_END, _NO_OPERATION, _MSS, _SCALE, _SACK_PERMITTED, _SACK = range(6)


@dataclass(slots=True)
class Offered:
    """What the options of a segment say."""

    mss: int | None = None
    scale: int | None = None
    """At most 14 (RFC 7323, section 2.3)."""
    sack_permitted: bool = False
    blocks: list[tuple[int, int]] | None = None
    """SACK blocks: first byte, and the one after the last."""


def read_options(data: bytes) -> Offered:
    """What the options say, as far as they can be read."""
    found = Offered()
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _NO_OPERATION:
            at += 1
            continue
        if at + 1 >= len(data) or data[at + 1] < 2 or at + data[at + 1] > len(data):
            break
        kind, value = data[at], data[at + 2 : at + data[at + 1]]
        if kind == _MSS and len(value) == 2:
            found.mss = int.from_bytes(value, "big")
        elif kind == _SCALE and len(value) == 1:
            found.scale = min(value[0], 14)
        elif kind == _SACK_PERMITTED:
            found.sack_permitted = True
        elif kind == _SACK:
            edges = [int.from_bytes(value[i : i + 4], "big") for i in range(0, len(value) // 8 * 8, 4)]
            found.blocks = list(zip(edges[::2], edges[1::2], strict=True))
        at += data[at + 1]
    return found


def worth_reading(part: Segments) -> Column:
    """Mask of the segments whose options may say more than timestamps: SYN and SACK."""
    with_options = part.header > 20
    found: Column = with_options & (part.flags & int(TCP.SYN) != 0)
    maybe = np.flatnonzero(with_options & ~found)
    start = part.chunk.heads(4, part.row[maybe], part.at[maybe] + 20)
    found[maybe] = ~((part.header[maybe] == 32) & (start == _TIMESTAMPS).all(axis=1))
    for index in part.whole:
        found[index] = with_options[index]
    return found
