"""Relative sequence numbers: from each direction's first, as Wireshark shows them.

The first segment of a direction counts as 0 if it is a SYN and as 1 otherwise; where a direction is first heard of
by an acknowledgment, that counts as 1. Memory: 8 bytes for each direction of a connection.
"""

from typing import Any

import numpy as np

from packetlab.analysis.plan import Column
from packetlab.analysis.segments import Segments
from packetlab.transport.tcp import TCP

_SYN, _ACK = np.uint32(int(TCP.SYN)), np.uint32(int(TCP.ACK))


class RelativeNumbers:
    """Keeps where each direction of each connection began, chunk after chunk."""

    def __init__(self) -> None:
        self._base: Column = np.full(1024, -1, np.int64)

    def relative(self, found: Segments) -> tuple[Column, Column, Column]:
        """(sequence, acknowledgment, whether that is known) of the segments of the next chunk."""
        key = found.stream * 2 + found.direction
        if len(key):
            while int(key.max()) | 1 >= len(self._base):
                self._base = np.concatenate([self._base, np.full(len(self._base), -1, np.int64)])
        has_ack = (found.flags & _ACK) != 0
        start = found.sequence.astype(np.int64) - ((found.flags & _SYN) == 0)
        heard = found.acknowledgment.astype(np.int64) - 1
        count = np.arange(len(key))
        # In file order, and a segment's own number before what it says of the other side's.
        keys = np.concatenate([key, (key ^ 1)[has_ack]])
        order = np.argsort(np.concatenate([count * 2, count[has_ack] * 2 + 1]), kind="stable")
        starts = np.concatenate([start, heard[has_ack]])[order]
        fresh, first = np.unique(keys[order], return_index=True)
        unknown = self._base[fresh] < 0
        self._base[fresh[unknown]] = starts[first[unknown]] & 0xFFFFFFFF
        sequence = (found.sequence - self._base[key]) & 0xFFFFFFFF
        acknowledgment = (found.acknowledgment - self._base[key ^ 1]) & 0xFFFFFFFF
        return sequence, acknowledgment, has_ack

    def columns(self, found: Segments, count: int) -> dict[str, Any]:
        """tcp_stream, tcp_seq and tcp_ack of all packets of a chunk."""
        import pyarrow as pa

        sequence, acknowledgment, has_ack = self.relative(found)
        made = {}
        for name, rows, values, kind in (
            ("tcp_stream", found.row, found.stream, np.int64), ("tcp_seq", found.row, sequence, np.uint32),
            ("tcp_ack", found.row[has_ack], acknowledgment[has_ack], np.uint32),
        ):  # fmt: skip
            column, missing = np.zeros(count, kind), np.ones(count, bool)
            column[rows], missing[rows] = values, False
            made[name] = pa.array(column, mask=missing)
        return made
