"""Table `tcp_health`: one row per TCP segment, with what was found of it (tcp_health/)."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from packetlab.analysis.plan import Column
from packetlab.analysis.tables.packets import kept
from packetlab.analysis.tables.reading import Reading
from packetlab.analysis.tables.schema import ColumnSpec, TableSpec
from packetlab.analysis.tables.words import numbered, words_of
from packetlab.analysis.tcp_health import MEANINGS, Analyser

_C = ColumnSpec
COLUMNS = (
    _C("number", "int64", "number of the packet in the capture"),
    _C("time", "time", "when it was captured, UTC"),
    _C("tcp_stream", "int64", "number of the TCP connection, as in table packets"),
    _C("direction", "word", "out: from the sender of the connection's first packet; in: towards it"),
    _C("found", "word", "retransmission, duplicate_ack, zero_window ... as Wireshark's tcp.analysis; null: nothing"),
    _C("payload", "int64", "bytes that it brings"),
    _C("rtt", "float64", "seconds from the segment that it acknowledges to it"),
    _C("acknowledges", "int64", "number of the packet that it acknowledges"),
    _C("in_flight", "int64", "bytes sent and not acknowledged after it"),
    _C("pushed", "int64", "bytes since the last PSH"),
    _C("duplicate", "int64", "how often its acknowledgment has been repeated"),
    _C("duplicate_of", "int64", "number of the packet whose acknowledgment it repeats"),
    _C("waited", "float64", "of a retransmission: seconds since the oldest unacknowledged segment was sent"),
    _C("offered", "int64", "the peer's window in bytes when it was sent"),
    _C("idle", "float64", "seconds of silence before it, where nothing was in flight"),
)


def _words(mask: int) -> str:
    return ", ".join(meaning.name for kind, meaning in MEANINGS.items() if mask & kind)


def _known(values: Column, least: int, scale: float = 0) -> Any:
    """Numbers with null where they are below `least`; nanoseconds as seconds with a `scale`."""
    import pyarrow as pa

    return pa.array(values * scale if scale else values, mask=values < least)


def make(reading: Reading, wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Chunk by chunk; all segments are judged, those that a filter leaves out are left out afterwards."""
    import pyarrow as pa

    import packetlab.protocols  # noqa: F401

    analyser = Analyser()
    for chunk, keep, _ in reading.chunks():
        found = analyser.read(analyser.reader.read(chunk))
        part = found.segments
        kinds = found.kinds.astype(np.int64)
        made = {
            "number": part.number, "time": pa.array(part.time).cast(pa.timestamp("ns")), "tcp_stream": part.stream,
            "direction": words_of(part.direction, ["out", "in"]), "found": numbered(kinds, _words, kinds != 0),
            "payload": part.length, "rtt": _known(found.round_trip, 0, 1e-9),
            "acknowledges": _known(found.acknowledges, 1), "in_flight": _known(found.in_flight, 0),
            "pushed": _known(found.pushed, 0), "duplicate": _known(found.duplicate, 1),
            "duplicate_of": _known(found.duplicate_of, 1), "waited": _known(found.waited, 0, 1e-9),
            "offered": _known(found.offered, 0), "idle": _known(found.idle, 1, 1e-9),
        }  # fmt: skip
        yield made if keep is None else kept(made, keep[part.row])


SPEC = TableSpec("tcp_health", "one row per TCP segment, with what was found of it", COLUMNS, make)
