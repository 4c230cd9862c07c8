"""Table `findings`: one row per finding, the worst first (findings/)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packetlab.analysis.findings import findings
from packetlab.analysis.tables.reading import Reading
from packetlab.analysis.tables.schema import ColumnSpec, TableSpec, by_rows

_C = ColumnSpec
COLUMNS = (
    _C("severity", "word", "error, warning or note"),
    _C("kind", "word", "what kind of finding: the name stays the same from release to release"),
    _C("layer", "word", "at which layer"),
    _C("title", "text", "the finding in a few words"),
    _C("about", "text", "endpoints, or whatever else it is about"),
    _C("detail", "text", "one short sentence about this one"),
    _C("count", "int64", "how many packets or times"),
    _C("first_packet", "int64", "number of the first packet; null where it is about no packet"),
    _C("packets", "numbers", "numbers of the first packets (at most 20)"),
    _C("explanation", "text", "what it means"),
    _C("next", "text", "what to look at next"),
    _C("filter", "text", "a display filter that shows such packets"),
)


def make(reading: Reading, wanted: Sequence[str]) -> Iterator[Mapping[str, list[Any]]]:
    """All findings."""
    found = findings(reading.source, reading.where, advance=reading.advance)
    return by_rows(COLUMNS, (
        (one.severity, one.kind, one.layer, one.title, one.about, one.detail, one.count,
         one.packets[0] if one.packets else None, one.packets, one.explanation, one.next, one.of.filter)
        for one in found
    ))  # fmt: skip


SPEC = TableSpec("findings", "one row per finding: what deserves attention", COLUMNS, make)
