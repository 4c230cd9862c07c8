"""Record batches to files, one batch after the other, so that memory does not grow with them.

Parquet (zstd, dictionaries), Arrow IPC, CSV and NDJSON. A file appears under its name when it is complete. Parquet
and Arrow hold the values as they are; CSV and NDJSON write a time as 2026-01-31T12:00:00.123456789Z and bytes in
hex. NDJSON is ASCII, so no terminal can be controlled through it. A text in CSV that a spreadsheet would take for a
formula (it begins with = + - @, tab or a line end) gets an apostrophe in front, unless `exact`.
"""

import json
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Literal

from packetlab.capture.atomic import appearing
from packetlab.model.errors import CaptureError, UsageError

Format = Literal["parquet", "arrow", "csv", "ndjson"]
FORMATS: dict[str, Format] = {
    ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow", ".csv": "csv",
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson",
}  # fmt: skip


def format_of(path: str) -> Format:
    """By the file's suffix; UsageError where that says nothing."""
    found = FORMATS.get(Path(path).suffix.lower())
    if found is None:
        raise UsageError(f"{path!r} does not say which format to write",
                         remedy="end the name in .parquet, .arrow, .csv or .ndjson, or give --format")  # fmt: skip
    return found


def write_batches(
    batches: Iterable[Any], schema: Any, target: str, kind: Format | None = None, *, exact: bool = False
) -> int:
    """Write pyarrow record batches to `target` ("-": standard output); how many rows there were.

    CaptureError where the file cannot be written.
    """
    kind = kind or format_of(target)
    if target == "-" and kind in ("parquet", "arrow") and sys.stdout.isatty():
        raise UsageError(f"{kind} is not for a terminal", remedy="give -o FILE or send the output to a pipe")
    try:
        with appearing(target) as place, ExitStack() as open_files:
            file = sys.stdout.buffer if target == "-" else open_files.enter_context(Path(str(place)).open("wb"))
            shown = target == "-" and sys.stdout.isatty()
            rows = _WRITERS[kind](batches, schema, file, exact, shown)
            file.flush()
            return rows
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CaptureError(f"{target} cannot be written: {error.strerror or error}",
                           remedy="check the directory, its permissions and free space") from None  # fmt: skip


def _parquet(batches: Iterable[Any], schema: Any, file: BinaryIO, exact: bool, shown: bool) -> int:
    import pyarrow.parquet as pq

    rows = 0
    with pq.ParquetWriter(file, schema, compression="zstd", compression_level=3) as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _arrow(batches: Iterable[Any], schema: Any, file: BinaryIO, exact: bool, shown: bool) -> int:
    import pyarrow as pa

    # The file format keeps one dictionary per column; ours change from batch to batch, so plain text is written.
    plain = plain_schema(schema)
    rows = 0
    with pa.ipc.new_file(file, plain, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for batch in batches:
            writer.write_batch(batch.cast(plain))
            rows += batch.num_rows
    return rows


def plain_schema(schema: Any) -> Any:
    """The schema with text instead of dictionaries."""
    import pyarrow as pa

    return pa.schema([field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field
                      for field in schema], metadata=schema.metadata)  # fmt: skip


# ---------------------------------------------------------------- text


def _by_value(column: Any, spell: Callable[[Any], str | None]) -> Any:
    """`spell` of every value of a column as an array of texts; of a dictionary's values only once."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        texts = pa.array([spell(value) for value in column.dictionary.to_pylist()], pa.string())
        return texts.take(column.indices)
    return pa.array([None if value is None else spell(value) for value in column.to_pylist()], pa.string())


def time_text(column: Any) -> Any:
    """A column of times as text: 2026-01-31T12:00:00.123456789Z."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.replace_substring(column.cast(pa.string()), " ", "T")
    return pc.binary_join_element_wise(text, "Z", "")


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def _csv_cell(exact: bool, shown: bool) -> Callable[[Any], str | None]:
    from packetlab.show.safe import safe_text

    def cell(value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, list | tuple):
            value = "; ".join("" if part is None else str(part) for part in value)
        text = str(value)
        text = safe_text(text) if shown else text
        return "'" + text if not exact and text.startswith(_FORMULA) else text

    return cell


def _csv(batches: Iterable[Any], schema: Any, file: BinaryIO, exact: bool, shown: bool) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    cell = _csv_cell(exact, shown)

    def column(values: Any) -> Any:
        kind = values.type
        if pa.types.is_timestamp(kind):
            return time_text(values)
        if pa.types.is_binary(kind):
            return _by_value(values, bytes.hex)
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            return values
        return _by_value(values, cell)

    rows = 0
    names = ",".join('"' + field.name.replace('"', '""') + '"' for field in schema)
    file.write(names.encode() + b"\n")
    for batch in batches:
        made = pa.table([column(values) for values in batch.columns],
                        names=[f"c{number}" for number in range(batch.num_columns)])  # fmt: skip
        if made.num_columns == 1 and made.column(0).null_count:  # an empty line would be no row
            only = made.column(0).cast(pa.string())
            made = pa.table([pc.coalesce(only, "")], names=["c0"])
        csv.write_csv(made, file, csv.WriteOptions(include_header=False))
        rows += batch.num_rows
    return rows


def _ndjson(batches: Iterable[Any], schema: Any, file: BinaryIO, exact: bool, shown: bool) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    def column(values: Any) -> Any:
        kind = values.type
        if pa.types.is_timestamp(kind):
            return pc.binary_join_element_wise('"', time_text(values), '"', "")
        if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            return values.cast(pa.string())
        if pa.types.is_floating(kind):
            return _by_value(values, lambda value: json.dumps(value) if value - value == 0 else None)
        if pa.types.is_binary(kind):
            return _by_value(values, lambda value: json.dumps(value.hex()))
        return _by_value(values, lambda value: json.dumps(value, default=str))

    rows = 0
    for batch in batches:
        pieces: list[Any] = []
        for number, (field, values) in enumerate(zip(schema, batch.columns, strict=True)):
            pieces.append(("{" if number == 0 else ", ") + json.dumps(field.name) + ": ")
            pieces.append(pc.coalesce(column(values), "null"))
        lines = pc.binary_join_element_wise(*pieces, "}\n", "")
        if len(lines):
            _write_texts(file, lines)
        rows += batch.num_rows
    return rows


def _write_texts(file: BinaryIO, lines: Any) -> None:
    """The texts of an array one after the other: their bytes already lie so in memory."""
    import numpy as np

    _, offsets, data = lines.buffers()
    width = np.int64 if str(lines.type).startswith("large") else np.int32
    ends = np.frombuffer(offsets, width)[lines.offset : lines.offset + len(lines) + 1]
    file.write(memoryview(data)[int(ends[0]) : int(ends[-1])])


_WRITERS: dict[Format, Callable[[Iterable[Any], Any, BinaryIO, bool, bool], int]] = {
    "parquet": _parquet, "arrow": _arrow, "csv": _csv, "ndjson": _ndjson,
}  # fmt: skip
