"""Finding, in a stretch of bytes, the offsets at which a record or block could begin.

This is a sieve, not a proof: it throws away at NumPy's speed the offsets at which nothing can begin, so that
the walks (pcap.py, pcapng.py) follow only the few that are left.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packetlab.capture.pcap import PcapLayout

_MOST_ON_WIRE = 1 << 27


_SMALL = 4096


def pcap_candidates(data: bytes, layout: "PcapLayout", since: int) -> list[int]:
    """Offsets in `data`, ascending, at which 16 bytes look like a pcap record header of a time after `since`."""
    import numpy as np

    found: list[Any] = []
    for words, step, shift in _words(data, layout.order, 4):
        seconds, ticks, captured, wire = words
        if layout.lengths == "swapped":
            captured, wire = wire, captured
        elif layout.lengths == "sorted":
            captured, wire = np.minimum(captured, wire), np.maximum(captured, wire)
        good = (captured <= layout.most_captured) & (captured > 0) & (captured <= wire)
        good &= (ticks < layout.ticks) & (wire <= _MOST_ON_WIRE)
        if since > 0:
            good &= seconds > since
        found.append(np.flatnonzero(good) * step + shift)
    return _sorted(found)


def block_candidates(data: bytes, order: str) -> list[int]:
    """Offsets in `data`, ascending, at which a block of a known type and a possible length could begin.

    Section headers are found in either byte order.
    """
    import numpy as np

    found: list[Any] = []
    for one_order in "<>":
        for (kinds, lengths), step, shift in _words(data, one_order, 2):
            good = kinds == 0x0A0D0D0A
            if one_order == order:
                good |= ((kinds >= 1) & (kinds <= 10)) | ((kinds & 0xBFFF_FFFF) == 0x0BAD)
            good &= (lengths >= 12) & (lengths <= 1 << 28)
            found.append(np.flatnonzero(good) * step + shift)
    return _sorted(found)


def _words(data: bytes, order: str, count: int) -> Iterator[tuple[list[Any], int, int]]:
    """Views of `data` as `count` columns of 32-bit words in a row: (columns, bytes between rows, first byte).

    A short stretch is copied once for all four alignments, a long one viewed four times.
    """
    import numpy as np

    kind, size = np.dtype(order + "u4"), 4 * count
    rows = len(data) - size + 1
    if rows <= 0:
        return
    if len(data) <= _SMALL:
        opaque = np.ndarray((rows,), np.dtype((np.void, size)), buffer=data, strides=(1,))
        table = opaque.copy().view(kind).reshape(rows, count)
        yield [table[:, column] for column in range(count)], 1, 0
        return
    for shift in range(4):
        words = np.frombuffer(data, kind, (len(data) - shift) // 4, shift)
        last = len(words) - count + 1
        yield [words[column : last + column] for column in range(count)], 4, shift


def _sorted(found: list[Any]) -> list[int]:
    import numpy as np

    if not found:
        return []
    return np.unique(np.concatenate(found)).tolist()  # type: ignore[no-any-return]
