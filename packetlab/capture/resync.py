"""Finding, in a stretch of bytes, the offsets at which a record or block could begin.

This is a sieve, not a proof: it throws away at NumPy's speed the offsets at which nothing can begin, so that
the walks (pcap.py, pcapng.py) follow only the few that are left.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packetlab.capture.pcap import PcapLayout

_MOST_ON_WIRE = 1 << 27


def pcap_candidates(data: bytes, layout: "PcapLayout") -> list[int]:
    """Offsets in `data`, ascending, at which 16 bytes look like a pcap record header."""
    import numpy as np

    found: list[Any] = []
    for shift in range(4):
        count = (len(data) - shift) // 4
        if count < 4:
            continue
        words = np.frombuffer(data, np.dtype(layout.order + "u4"), count, shift)
        ticks, captured, wire = words[1:-2], words[2:-1], words[3:]
        if layout.lengths == "swapped":
            captured, wire = wire, captured
        elif layout.lengths == "sorted":
            captured, wire = np.minimum(captured, wire), np.maximum(captured, wire)
        good = (captured <= layout.most_captured) & (captured > 0) & (captured <= wire)
        good &= (ticks < layout.ticks) & (wire <= _MOST_ON_WIRE)
        found.append(np.flatnonzero(good) * 4 + shift)
    if not found:
        return []
    return np.sort(np.concatenate(found)).tolist()  # type: ignore[no-any-return]


def block_candidates(data: bytes, order: str) -> list[int]:
    """Offsets in `data`, ascending, at which a block of a known type and a possible length could begin.

    Section headers are found in either byte order.
    """
    import numpy as np

    found: list[Any] = []
    for shift in range(4):
        count = (len(data) - shift) // 4
        if count < 2:
            continue
        for one_order in "<>":
            words = np.frombuffer(data, np.dtype(one_order + "u4"), count, shift)
            kinds, lengths = words[:-1], words[1:]
            good = kinds == 0x0A0D0D0A
            if one_order == order:
                good |= ((kinds >= 1) & (kinds <= 10)) | ((kinds & 0xBFFF_FFFF) == 0x0BAD)
            good &= (lengths >= 12) & (lengths <= 1 << 28)
            found.append(np.flatnonzero(good) * 4 + shift)
    if not found:
        return []
    return np.unique(np.concatenate(found)).tolist()  # type: ignore[no-any-return]
