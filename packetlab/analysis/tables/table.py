"""A table as Python uses it: lazy, made anew each time it is asked for, and known to pandas, polars and DuckDB."""

from collections.abc import Callable, Iterator
from typing import Any

from packetlab.analysis.tables.write import Format, format_of, time_text, write_batches
from packetlab.model.errors import UsageError


class Table:
    """Columns of a capture; nothing is read before an answer is asked for.

    `table["name"]` is a NumPy array (masked where values are missing); `batches()` streams in bounded memory, the
    others hold the whole table. pandas, polars, pyarrow and DuckDB take it as it is (Arrow's C stream).
    """

    def __init__(self, schema: Any, produce: Callable[[list[str]], Iterator[Any]]) -> None:
        self.schema = schema
        """The pyarrow schema."""
        self._produce = produce

    def __repr__(self) -> str:
        return f"<Table of {len(self.schema)} columns: {', '.join(self.schema.names)}>"

    def keys(self) -> list[str]:
        """The names of the columns."""
        return list(self.schema.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.schema.names)

    def select(self, *names: str) -> "Table":
        """Some of the columns."""
        import pyarrow as pa

        for name in names:
            if name not in self.schema.names:
                from packetlab.analysis.tables.schema import nearest

                raise UsageError(f"there is no column {name!r}", remedy=nearest(name, self.schema.names))
        return Table(pa.schema([self.schema.field(name) for name in names]), self._produce)

    def batches(self) -> Iterator[Any]:
        """pyarrow record batches, as the capture is read."""
        for batch in self._produce(list(self.schema.names)):
            yield batch.cast(self.schema) if batch.schema != self.schema else batch

    def reader(self) -> Any:
        """A pyarrow RecordBatchReader; to be read once."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self.batches())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.reader().__arrow_c_stream__(requested_schema)

    def arrow(self) -> Any:
        """All of it as a pyarrow Table."""
        import pyarrow as pa

        return pa.Table.from_batches(self.batches(), self.schema).unify_dictionaries()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Row by row as dictionaries (times as text with all their digits): convenient, and slow."""
        for batch in self.batches():
            columns = [_values(column) for column in batch.columns]
            for row in zip(*columns, strict=True):
                yield dict(zip(self.schema.names, row, strict=True))

    def to_pandas(self) -> Any:
        """A pandas DataFrame; texts that repeat become categories, whole numbers with gaps stay whole numbers."""
        import pandas as pd
        import pyarrow as pa

        whole = {pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.uint32(): pd.UInt32Dtype(),
                 pa.uint64(): pd.UInt64Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
                 pa.bool_(): pd.BooleanDtype()}  # fmt: skip
        return self.arrow().to_pandas(types_mapper=whole.get)

    def to_polars(self) -> Any:
        """A polars DataFrame."""
        import polars as pl

        return pl.from_arrow(self.arrow())

    def __getitem__(self, name: str) -> Any:
        """One column as a numpy.ma.MaskedArray; times are datetime64[ns], texts objects."""
        return _masked(self.select(name).arrow().column(0))

    def arrays(self) -> dict[str, Any]:
        """Every column as a numpy.ma.MaskedArray, made in one pass."""
        made = self.arrow()
        return {name: _masked(made.column(name)) for name in made.column_names}

    def write(self, path: str, kind: Format | None = None, *, exact: bool = False) -> int:
        """Write it to a Parquet, Arrow, CSV or NDJSON file (by suffix, or `kind`); how many rows it has.

        `exact`: in CSV, no apostrophe before texts that a spreadsheet would take for a formula.
        """
        kind = kind or format_of(path)
        return write_batches(self.batches(), self.schema, path, kind, exact=exact)


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    found: list[Any] = (time_text(column) if pa.types.is_timestamp(column.type) else column).to_pylist()
    return found


def _masked(column: Any) -> Any:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = pc.is_null(column).to_numpy()
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if pa.types.is_boolean(column.type):
        column = pc.fill_null(column, False)
    elif pa.types.is_integer(column.type):
        column = pc.fill_null(column, 0)
    return np.ma.MaskedArray(column.to_numpy(), mask=missing)
