"""Table `flows`: one row per TCP connection and UDP conversation, counted in one pass (flows.py)."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from packetlab.analysis.flows import FlowCollector, FlowTable
from packetlab.analysis.plan import Column
from packetlab.analysis.tables.packets import flag_words
from packetlab.analysis.tables.reading import Reading
from packetlab.analysis.tables.schema import BATCH_ROWS, ColumnSpec, TableSpec
from packetlab.analysis.tables.words import addresses, numbered
from packetlab.capture.index import Chunk

_C = ColumnSpec
COLUMNS = (
    _C("protocol", "word", "TCP or UDP"),
    _C("tcp_stream", "int64", "number of the TCP connection as in table packets; null where a filter was given"),
    _C("src", "word", "IP address that sent the first packet"),
    _C("src_port", "uint16", "its port"),
    _C("dst", "word", "the other IP address"),
    _C("dst_port", "uint16", "its port"),
    _C("packets_out", "int64", "packets from src to dst"),
    _C("packets_in", "int64", "packets from dst to src"),
    _C("bytes_out", "int64", "bytes on the wire from src to dst, all headers included"),
    _C("bytes_in", "int64", "bytes on the wire from dst to src"),
    _C("first_packet", "int64", "number of the first packet"),
    _C("first_time", "time", "when the first packet was captured, UTC"),
    _C("last_time", "time", "when the last packet was captured, UTC"),
    _C("duration", "float64", "seconds between them"),
    _C("state", "word", "TCP: syn sent, refused, syn answered, open, half closed, closed or reset"),
    _C("flags_out", "word", "TCP flags that src ever set"),
    _C("flags_in", "word", "TCP flags that dst ever set"),
    _C("handshake_answer", "float64", "TCP: seconds from the SYN to the SYN ACK"),
    _C("handshake_rtt", "float64", "TCP: seconds from the SYN to the ACK of the SYN ACK: the whole round trip"),
    _C("community_id", "text", "Community ID, by which other tools know the flow"),
)


class _Both:
    """Counts TCP and UDP of the same chunks."""

    def __init__(self) -> None:
        self.parts = FlowCollector("tcp"), FlowCollector("udp")

    def add(self, chunk: Chunk, chosen: Column | None = None) -> None:
        for part in self.parts:
            part.add(chunk, chosen)


def make(reading: Reading, wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The flows in the order of their first packets, TCP before UDP."""
    both = _Both()
    for chunk, keep, _ in reading.chunks():
        both.add(chunk, keep)
    for part in both.parts:
        table = part.table()
        for start in range(0, len(table), BATCH_ROWS):
            rows = slice(start, min(start + BATCH_ROWS, len(table)))
            made = _columns(table, rows, set(wanted))
            if "tcp_stream" in wanted and reading.where is not None:
                made["tcp_stream"] = [None] * (rows.stop - rows.start)
            yield made


SPEC = TableSpec("flows", "one row per TCP connection and UDP conversation", COLUMNS, make)


def _columns(table: FlowTable, rows: slice, need: set[str]) -> dict[str, Any]:
    import pyarrow as pa

    columns = {name: values[rows] for name, values in table.columns.items()}
    count, is_tcp = rows.stop - rows.start, table.layer == "tcp"
    numbers = np.arange(rows.start, rows.stop)
    made: dict[str, Any] = {
        "protocol": pa.array([table.layer.upper()] * count).dictionary_encode(),
        "tcp_stream": numbers if is_tcp else [None] * count,
        "packets_out": columns["packets_ab"], "packets_in": columns["packets_ba"],
        "bytes_out": columns["bytes_ab"], "bytes_in": columns["bytes_ba"], "first_packet": columns["first_packet"],
        "first_time": pa.array(columns["first"]).cast(pa.timestamp("ns")),
        "last_time": pa.array(columns["last"]).cast(pa.timestamp("ns")),
        "duration": (columns["last"] - columns["first"]) / 1e9,
    }  # fmt: skip
    for which, name in (("a", "src"), ("b", "dst")):
        ends = columns[which]
        made[name] = addresses(ends[:, :16], ends[:, 18])
        made[f"{name}_port"] = ends[:, 16].astype(np.uint16) << 8 | ends[:, 17]
    for name, column in (("flags_out", "flags_ab"), ("flags_in", "flags_ba")):
        made[name] = numbered(columns[column].astype(np.int64), flag_words) if is_tcp else [None] * count
    for name in ("handshake_answer", "handshake_rtt"):
        made[name] = pa.array(columns[name] / 1e9, mask=columns[name] < 0) if is_tcp else [None] * count
    if need & {"state", "community_id"}:
        found = [table[row] for row in range(rows.start, rows.stop)]
        made["state"] = [flow.state or None for flow in found]
        made["community_id"] = [flow.community_id() for flow in found]
    return {name: values for name, values in made.items() if name in need}
