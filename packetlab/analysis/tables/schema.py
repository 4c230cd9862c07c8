"""What tables there are, and what each of their columns says: the one place where both stand.

A table is a `TableSpec`: its columns with type and meaning, and the function that makes its record batches. SQL,
files, `open_capture(...)` and `packetlab pcap query --schema` all read it here. Nothing here loads pyarrow before
a batch is made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

from packetlab.analysis.tables.reading import Reading
from packetlab.model.errors import UsageError

Kind = Literal[
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int32",
    "int64",
    "float64",
    "time",
    "text",
    "word",
    "bytes",
    "list",
    "numbers",
]
"""`time`: timestamp in nanoseconds, UTC, without a zone. `word`: text that repeats, so that each batch holds every
value once (a dictionary). `list`: list of texts, `numbers`: of int64."""

BATCH_ROWS = 65_536
"""Most rows of a batch that is made of Python objects."""

Make = Callable[[Reading, Sequence[str]], Iterator[Mapping[str, Any]]]
"""(what is read, names of the wanted columns) -> batches; each a mapping of column name to values."""


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column: name, type and meaning."""

    name: str
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table. `make` yields mappings of column name to a NumPy array, a pyarrow array or a list."""

    name: str
    text: str
    columns: tuple[ColumnSpec, ...]
    make: Make

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> ColumnSpec:
        """The column of that name; UsageError, with the nearest name, where there is none."""
        for one in self.columns:
            if one.name == name:
                return one
        raise UsageError(f"table {self.name} has no column {name!r}", remedy=nearest(name, self.names))


_MODULES = {
    "packets": "packetlab.analysis.tables.packets",
    "flows": "packetlab.analysis.tables.flows",
    "tcp_health": "packetlab.analysis.tables.tcp_health",
    "http": "packetlab.analysis.tables.http",
    "dns": "packetlab.analysis.tables.dns",
    "tls": "packetlab.analysis.tables.tls",
    "findings": "packetlab.analysis.tables.findings",
}
"""Where each table is made, in the order in which they are listed."""

TABLES = tuple(_MODULES)


@cache
def spec(name: str) -> TableSpec:
    """The table of that name; UsageError, with the nearest name, where there is none."""
    if name not in _MODULES:
        raise UsageError(f"there is no table {name!r}", remedy=nearest(name, TABLES))
    found = import_module(_MODULES[name]).SPEC
    assert isinstance(found, TableSpec)
    return found


def nearest(name: str, known: Iterable[str]) -> str:
    """A remedy that names what may have been meant."""
    import difflib

    known = tuple(known)
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.55)
    return f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}"


# ---------------------------------------------------------------- to Arrow


def arrow_type(kind: Kind) -> Any:
    """The pyarrow type of a kind."""
    import pyarrow as pa

    return {
        "bool": pa.bool_(), "uint8": pa.uint8(), "uint16": pa.uint16(), "uint32": pa.uint32(), "uint64": pa.uint64(),
        "int32": pa.int32(), "int64": pa.int64(), "float64": pa.float64(), "time": pa.timestamp("ns"),
        "text": pa.string(), "word": pa.dictionary(pa.int32(), pa.string()), "bytes": pa.binary(),
        "list": pa.list_(pa.string()), "numbers": pa.list_(pa.int64()),
    }[kind]  # fmt: skip


def type_name(kind: Kind) -> str:
    """The type as SQL users know it."""
    return {"word": "text", "time": "time ns", "float64": "double", "list": "text[]", "numbers": "int64[]"}.get(
        kind, kind
    )


def arrow_schema(columns: Iterable[ColumnSpec]) -> Any:
    """The pyarrow schema of these columns; their meaning is kept as metadata (`description`)."""
    import pyarrow as pa

    return pa.schema([pa.field(one.name, arrow_type(one.kind), metadata={"description": one.text}) for one in columns])


def batches(reading: Reading, table: TableSpec, wanted: Sequence[str] | None = None) -> Iterator[Any]:
    """pyarrow record batches of a table, made as the capture is read; only the `wanted` columns, in that order."""
    import pyarrow as pa

    names = table.names if wanted is None else tuple(wanted)
    schema = arrow_schema([table.column(name) for name in names])
    for made in table.make(reading, names):
        yield pa.record_batch([to_arrow(made[field.name], field.type) for field in schema], schema=schema)


def to_arrow(values: Any, kind: Any) -> Any:
    """Values as an array of that type; text that is no UTF-8 is spelled out."""
    import pyarrow as pa

    if isinstance(values, pa.Array):
        return values if values.type == kind else values.cast(kind)
    if isinstance(values, list) and pa.types.is_dictionary(kind):
        return pa.array([_sound(value) for value in values], pa.string()).dictionary_encode().cast(kind)
    if isinstance(values, list) and (pa.types.is_string(kind)):
        return pa.array([_sound(value) for value in values], kind)
    if isinstance(values, list) and pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return pa.array([None if one is None else [_sound(part) for part in one] for one in values], kind)
    return pa.array(values, kind)


def _sound(value: str | None) -> str | None:
    """Text that can be written as UTF-8: lone surrogates are spelled out."""
    return value if value is None or value.isascii() else value.encode("utf-8", "backslashreplace").decode()


def by_rows(columns: Sequence[ColumnSpec], rows: Iterable[Sequence[Any]]) -> Iterator[Mapping[str, list[Any]]]:
    """Mappings for `TableSpec.make` of rows that hold every column in order, BATCH_ROWS at a time."""
    names = [one.name for one in columns]
    waiting: list[Sequence[Any]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) >= BATCH_ROWS:
            yield dict(zip(names, map(list, zip(*waiting, strict=True)), strict=True))
            waiting = []
    if waiting:
        yield dict(zip(names, map(list, zip(*waiting, strict=True)), strict=True))
