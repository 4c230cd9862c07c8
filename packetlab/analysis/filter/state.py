"""What a filter must remember from chunk to chunk: the numbers of connections, how they fare, the frame before.

The memory is the capture's (`Chunk.shared`), not the filter's, so that one filter can be asked of many captures,
and several filters of one. It is right where all chunks of a capture are asked, in order and from the first.
"""

from typing import Any

import numpy as np

from packetlab.analysis.plan import Column
from packetlab.capture.index import Chunk

MAX_STREAMS = 1_000_000
"""UDP conversations that are numbered; packets of any more have no number."""


class _Delta:
    """Seconds since the frame before."""

    def __init__(self) -> None:
        self.last: int | None = None

    def of(self, chunk: Chunk) -> tuple[Column, Column]:
        time = chunk.packets.time
        if not len(time):
            return np.zeros(0, np.int64), np.zeros(0)
        before = np.concatenate([[time[0] if self.last is None else self.last], time[:-1]])
        self.last = int(time[-1])
        return np.arange(len(time)), (time - before) / 1e9


class _Streams:
    """Numbers of TCP connections."""

    def __init__(self) -> None:
        from packetlab.analysis.segments import SegmentReader

        self.reader = SegmentReader()

    def of(self, chunk: Chunk) -> tuple[Column, Column]:
        found = self.reader.read(chunk)
        return found.row, found.stream


class _Datagrams:
    """Numbers of UDP conversations, in the order of their first packets, as Wireshark's udp.stream."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {}

    def of(self, chunk: Chunk) -> tuple[Column, Column]:
        from packetlab.analysis.columns import Scan
        from packetlab.internet.ipv4 import IPv4
        from packetlab.internet.ipv6 import IPv6
        from packetlab.transport.udp import UDP

        scan = Scan(chunk, (), placed=(UDP, IPv4, IPv6), quoted=False)
        count = len(chunk)
        at, ip, size = (np.full(count, -1, np.int64) for _ in range(3))
        for place in scan.places(UDP):
            nearer = (place.at > at[place.rows]) & (place.stop - place.at >= 4)
            at[place.rows[nearer]] = place.at[nearer]
        for cls, start, length in ((IPv4, 12, 4), (IPv6, 8, 16)):
            for place in scan.places(cls):
                nearer = (place.at < at[place.rows]) & (place.at > ip[place.rows])
                ip[place.rows[nearer]], size[place.rows[nearer]] = place.at[nearer] + start, length
        rows = np.flatnonzero((at >= 0) & (ip >= 0))
        ends = np.zeros((len(rows), 40), np.uint8)
        for length in (4, 16):
            mine = size[rows] == length
            addresses = chunk.heads(2 * length, rows[mine], ip[rows[mine]])
            ends[mine, :length], ends[mine, 20 : 20 + length] = addresses[:, :length], addresses[:, length:]
        ports = chunk.heads(4, rows, at[rows])
        ends[:, 16:18], ends[:, 36:38] = ports[:, :2], ports[:, 2:]
        ends[:, 18] = ends[:, 38] = size[rows]
        packed = ends.view([("", np.void, 40)])["f0"].ravel() if len(rows) else np.zeros(0, "V40")
        uniques, firsts, inverse = np.unique(packed, return_index=True, return_inverse=True)
        numbers = np.zeros(len(uniques), np.int64)
        for which in np.argsort(firsts, kind="stable").tolist():
            one = uniques[which].tobytes()
            key = min(one, one[20:] + one[:20])
            if key not in self.numbers and len(self.numbers) < MAX_STREAMS:
                self.numbers[key] = len(self.numbers)
            numbers[which] = self.numbers.get(key, -1)
        found = numbers[inverse.reshape(-1)]
        return rows[found >= 0], found[found >= 0]


class _Health:
    """What Wireshark calls tcp.analysis: judged by tcp_health, for all names at once."""

    def __init__(self) -> None:
        from packetlab.analysis.tcp_health import Analyser

        self.analyser = Analyser()

    def of(self, chunk: Chunk) -> dict[str, tuple[Column, Column]]:
        from packetlab.analysis.tcp_health import MEANINGS, Kind

        found = self.analyser.read(self.analyser.reader.read(chunk))
        rows = found.segments.row
        columns: dict[str, tuple[Column, Column]] = {}
        for kind, meaning in MEANINGS.items():
            mine = found.kinds & int(kind) != 0
            columns[f"{_HEALTH}.{meaning.name}"] = rows[mine], np.ones(int(mine.sum()), np.int64)
        mine = found.kinds & ~int(Kind.REPEATED) != 0
        columns[f"{_HEALTH}.flags"] = rows[mine], np.ones(int(mine.sum()), np.int64)
        for name, values, least, unit in (
            ("bytes_in_flight", found.in_flight, 0, 0), ("push_bytes_sent", found.pushed, 0, 0),
            ("acks_frame", found.acknowledges, 1, 0), ("duplicate_ack_num", found.duplicate, 1, 0),
            ("duplicate_ack_frame", found.duplicate_of, 1, 0),
            ("ack_rtt", found.round_trip, 0, 1e9), ("rto", found.waited, 0, 1e9),
        ):  # fmt: skip
            mine = values >= least
            columns[f"{_HEALTH}.{name}"] = rows[mine], values[mine] / unit if unit else values[mine]
        return columns


_HEALTH = "tcp.analysis"
_KEEPERS: dict[str, Any] = {
    "frame.time_delta": _Delta, "tcp.stream": _Streams, "udp.stream": _Datagrams, _HEALTH: _Health,
}  # fmt: skip


def state_columns(name: str, chunk: Chunk) -> tuple[Column, Column]:
    """(rows, values) of a name in a chunk; the same however often it is asked."""
    group = _HEALTH if name.startswith(_HEALTH) else name
    kept = chunk.shared.setdefault(group, [_KEEPERS[group](), -1, None])
    if kept[1] != chunk.first:
        kept[1], kept[2] = chunk.first, kept[0].of(chunk)
    found = kept[2][name] if group == _HEALTH else kept[2]
    return found[0], found[1]
