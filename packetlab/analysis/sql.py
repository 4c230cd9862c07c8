"""SQL over the tables of a capture, with an embedded DuckDB that can reach nothing else.

A statement is first bound against empty tables: that finds mistakes before the capture is read, says what columns
the answer has, and DuckDB's plan for it says which columns are needed at all; only those are made, the others are
null. Then DuckDB reads the tables as Arrow batches while the capture is read, once for each time that the statement
names a table, so memory does not grow with the file unless the statement sorts, joins or groups much: up to
`MEMORY_LIMIT`, then up to `SPILL_LIMIT` in a private temporary folder that is removed afterwards.

Only one SELECT runs at a time, in a new in-memory database without access to files, network, extensions or Python's
variables, and with its settings locked.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from packetlab.analysis.tables.schema import TABLES, arrow_schema, nearest, spec
from packetlab.analysis.tables.table import Table
from packetlab.model.errors import PacketLabError, UsageError

if TYPE_CHECKING:
    from packetlab.analysis.open_capture import Capture

MEMORY_LIMIT = "1GB"
SPILL_LIMIT = "4GB"
ROWS = 10_000
"""Rows of a batch of the answer."""


class SQLError(UsageError):
    """A statement that cannot run; `column` counts from 1 in its `line` (from 1 too), 0 where DuckDB does not say."""

    def __init__(self, cause: str, *, remedy: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(cause, remedy=remedy)
        self.line, self.column = line, column


class Answer(Table):
    """The answer to a statement: a Table that runs it each time it is asked for."""

    statement: str = ""


def ask(capture: "Capture", statement: str) -> Answer:
    """The answer to a SELECT over a capture's tables; SQLError where it cannot run. The capture is not read yet."""
    schema, wanted = _bound(statement)

    def produce(names: list[str]) -> Iterator[Any]:
        trouble: list[BaseException] = []
        with _database() as database:
            for name in TABLES:
                database.register(name, _Source(capture, name, wanted, trouble))
            _lock(database)
            try:
                reader = _reader(database.sql(statement))
                for batch in reader:
                    yield _named(batch, schema).select(names)
            except Exception as error:
                if trouble:
                    raise trouble[0] from None
                raise _explained(error, statement) from None

    answer = Answer(schema, produce)
    answer.statement = statement
    return answer


@contextmanager
def _database() -> Iterator[Any]:
    """A private in-memory database; the tables are registered by the caller, who then calls `_lock`."""
    import duckdb

    with TemporaryDirectory(prefix="packetlab-sql-") as folder:
        database = duckdb.connect(":memory:", config={
            "memory_limit": MEMORY_LIMIT, "python_enable_replacements": "false",
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
        })  # fmt: skip
        try:
            # DuckDB 2.0 keeps to the limit only if it is set behind the folder, and not when connecting.
            database.execute("SET temp_directory = '" + folder.replace("'", "''") + "'")
            database.execute(f"SET max_temp_directory_size = '{SPILL_LIMIT}'")
            yield database
        finally:
            database.close()


def _lock(database: Any) -> None:
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


class _Source:
    """What DuckDB reads a table from, as often as the statement names it (Arrow's C stream)."""

    def __init__(self, capture: "Capture", name: str, wanted: set[str] | None, trouble: list[BaseException]) -> None:
        self._capture, self._name, self._trouble = capture, name, trouble
        table = spec(name)
        self._schema = arrow_schema(table.columns)
        self._wanted = [one for one in table.names if wanted is None or one in wanted] or [table.names[0]]

    def __arrow_c_schema__(self) -> Any:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self._schema, self._batches()).__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[Any]:
        import pyarrow as pa

        try:
            for batch in self._capture.table(self._name).select(*self._wanted).batches():
                arrays = [batch.column(field.name) if field.name in self._wanted else pa.nulls(len(batch), field.type)
                          for field in self._schema]  # fmt: skip
                yield pa.record_batch(arrays, schema=self._schema)
        except BaseException as error:
            self._trouble.append(error)
            raise


def _bound(statement: str) -> tuple[Any, set[str] | None]:
    """(schema of the answer, names of the columns that it needs; None: all)."""
    with _database() as database:
        for name in TABLES:
            database.register(name, arrow_schema(spec(name).columns).empty_table())
        _lock(database)
        try:
            _check_kind(database, statement)
            # On a line of its own, so that the places in DuckDB's complaints are those in the statement.
            plan = database.execute("EXPLAIN (FORMAT json)\n" + statement).fetchall()[0][1]
            schema = _unique(_reader(database.sql(statement).limit(0)).schema)
        except PacketLabError:
            raise
        except Exception as error:
            raise _explained(error, statement, lines_before=1) from None
    return schema, _needed(json.loads(plan))


def _check_kind(database: Any, statement: str) -> None:
    kinds = [one.type.name for one in database.extract_statements(statement)]
    if kinds != ["SELECT"]:
        what = (
            f"{kinds[0]} statements do not run here"
            if len(kinds) == 1
            else f"{len(kinds) or 'no'} statements were given"
        )
        raise SQLError(what, remedy="write one SELECT over " + ", ".join(TABLES))


def _reader(relation: Any) -> Any:
    """An answer as an Arrow reader, computed as it is read."""
    if hasattr(relation, "to_arrow_reader"):
        return relation.to_arrow_reader(ROWS)
    return relation.fetch_arrow_reader(ROWS)


def _unique(schema: Any) -> Any:
    """The schema, with numbers behind names that occur twice."""
    import pyarrow as pa

    seen: dict[str, int] = {}
    fields = []
    for field in schema:
        seen[field.name] = count = seen.get(field.name, 0) + 1
        kind = field.type
        if pa.types.is_decimal(kind) and kind.scale == 0:
            kind = pa.int64()  # what sum() of whole numbers gives
        fields.append(pa.field(field.name if count == 1 else f"{field.name}_{count}", kind))
    return pa.schema(fields)


def _named(batch: Any, schema: Any) -> Any:
    import pyarrow as pa

    arrays = []
    for values, field in zip(batch.columns, schema, strict=True):
        try:
            arrays.append(values if values.type == field.type else values.cast(field.type))
        except pa.ArrowInvalid:
            raise SQLError(f"column {field.name} holds a number of more than 64 bits",
                           remedy="make it a DOUBLE: (...)::DOUBLE") from None  # fmt: skip
    return pa.record_batch(arrays, schema=schema)


def _needed(plan: Any) -> set[str] | None:
    """The columns that the scans of a plan read; None where the plan does not say."""
    found: set[str] = set()
    queue = list(plan)
    while queue:
        node = queue.pop()
        queue.extend(node.get("children", ()))
        if not str(node.get("name", "")).strip().endswith("ARROW_SCAN"):
            continue
        columns = node.get("extra_info", {}).get("Projections")
        if not columns:
            return None
        found.update([columns] if isinstance(columns, str) else columns)
        filters = node["extra_info"].get("Filters", "")
        found.update(
            re.findall(r"[A-Za-z_][A-Za-z_0-9]*", " ".join([filters] if isinstance(filters, str) else filters))
        )
    return found


# ---------------------------------------------------------------- errors

_PLACE = re.compile(r"\n\s*LINE (\d+): (.*)\n(\s*)\^")
_NO_COLUMN = re.compile(r'(?:Referenced column|column named|Column) "([^"]*)"|does not have a column named "([^"]*)"')
_NO_TABLE = re.compile(r"Table with name (\S+) does not exist")
_NO_FUNCTION = re.compile(r"Function with name (\S+) does not exist")
_KIND = re.compile(r"^[A-Za-z ]+ Error: ")


def _explained(error: Exception, statement: str, *, lines_before: int = 0) -> PacketLabError:
    """DuckDB's complaint as one sentence with its place and the nearest name."""
    import duckdb

    if not isinstance(error, duckdb.Error):
        return error if isinstance(error, PacketLabError) else SQLError(str(error))
    text = str(error)
    line, column = _place(text, statement, lines_before)
    where = f" (column {column})" if column and line == 1 else f" (line {line}, column {column})" if column else ""
    if isinstance(error, duckdb.OutOfMemoryException):
        return SQLError(f"the statement needs more than {MEMORY_LIMIT} of memory and {SPILL_LIMIT} of disk",
                        remedy="restrict it with WHERE, or export a table and ask that with DuckDB")  # fmt: skip
    if isinstance(error, duckdb.PermissionException):
        return SQLError(f"the statement reaches for files or extensions{where}, which it may not",
                        remedy="write one SELECT over " + ", ".join(TABLES))  # fmt: skip
    table, named, function = _NO_TABLE.search(text), _NO_COLUMN.search(text), _NO_FUNCTION.search(text)
    if table:
        cause, remedy = f"there is no table {table[1].strip(chr(34))!r}", nearest(table[1].strip('"'), TABLES)
    elif function:
        near = re.search(r'Did you mean "([^"]*)"', text)
        cause = f"there is no function {function[1]!r}"
        remedy = f"did you mean {near[1]}?" if near else "DuckDB's documentation lists its functions"
    elif (named and "not found" in text) or (named and "does not have" in text):
        name = named[1] or named[2]
        cause, remedy = f"there is no column {name!r}", nearest(name, _columns_of(statement))
    else:
        cause = _KIND.sub("", text.split("\n\n")[0]).split("\n")[0].rstrip(".!")
        remedy = "packetlab pcap query --schema says what columns there are"
    return SQLError(cause + where, remedy=remedy, line=line, column=column)


def _place(text: str, statement: str, lines_before: int) -> tuple[int, int]:
    """(line, column) from 1 in the statement, (0, 0) where the message does not say."""
    found = _PLACE.search(text)
    if not found:
        return 0, 0
    line = int(found[1]) - lines_before
    shown, caret = found[2], len(found[3]) - len(f"LINE {found[1]}: ")
    lines = statement.split("\n")
    whole = lines[line - 1] if line <= len(lines) else ""
    if shown.startswith("..."):  # a long line is shown in part
        part = shown.strip(".")
        at = whole.find(part)
        return (line, at + caret - 3 + 1) if at >= 0 else (line, 0)
    return line, caret + 1


def _columns_of(statement: str) -> list[str]:
    """The columns of the tables that a statement names."""
    words = set(re.findall(r"\w+", statement.lower()))
    named = [name for name in TABLES if name in words] or list(TABLES)
    return list(dict.fromkeys(column for name in named for column in spec(name).names))
