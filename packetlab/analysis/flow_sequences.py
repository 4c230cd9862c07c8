"""What flows of TCP say only to one who follows their sequence numbers: retransmissions, and round trips of data.

A second pass over the capture by the analysis of TCP health (tcp_health), whose findings are summed up per flow and
direction. It costs many times what counting does, so it is done only where it is asked for.
"""

import numpy as np

from packetlab.analysis.filter import Filter
from packetlab.analysis.flows import FlowTable
from packetlab.analysis.tcp_health import health
from packetlab.analysis.tcp_health.kinds import SENT_AGAIN
from packetlab.capture.source import CapturePath
from packetlab.model.errors import UsageError

_NONE = np.iinfo(np.int64).max


def add_sequences(table: FlowTable, source: CapturePath, where: Filter | None = None) -> None:
    """Adds the columns retransmissions_ab, retransmissions_ba, data_rtt_ab and data_rtt_ba to a table of TCP flows.

    `source` and `where` must be those that the table was made of. data_rtt_ab: nanoseconds from a segment of A to the
    first acknowledgement of it, on average; -1 where none was seen. UsageError for streams, which cannot be read twice.
    """
    if str(source) == "-":
        raise UsageError("a stream cannot be read twice", remedy="save it to a file first: packetlab capture -w FILE")
    sums = np.zeros((3, 0), np.int64)
    first = np.empty(0, np.int64)
    for found in health(source, where):
        if not len(found.stream):
            continue
        more = int(found.stream.max()) + 1 - len(first)
        if more > 0:
            first = np.concatenate([first, np.full(more, _NONE)])
            sums = np.concatenate([sums, np.zeros((3, 2 * more), np.int64)], axis=1)
        np.minimum.at(first, found.stream, found.number)
        side = found.stream * 2 + found.direction
        np.add.at(sums[0], side, (found.kinds & int(SENT_AGAIN) != 0).astype(np.int64))
        acked = found.round_trip >= 0  # by the other side, of data that this one sent
        np.add.at(sums[1], side[acked] ^ 1, 1)
        np.add.at(sums[2], side[acked] ^ 1, found.round_trip[acked])
    order = np.argsort(first)
    place = np.searchsorted(first[order], table.columns["first_packet"]).clip(0, max(0, len(order) - 1))
    known = np.zeros(len(table), bool)
    stream = np.zeros(len(table), np.int64)
    if len(order):
        stream = order[place]
        known = first[stream] == table.columns["first_packet"]
    for name, side in (("ab", stream * 2), ("ba", stream * 2 + 1)):
        again, count, spent = (values[side] if len(order) else stream for values in sums)
        table.columns[f"retransmissions_{name}"] = np.where(known, again, -1)
        table.columns[f"data_rtt_{name}"] = np.where(known & (count > 0), spent // np.maximum(count, 1), -1)
