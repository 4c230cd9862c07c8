"""`packetlab pcap query FILE SQL`: SQL over the tables of a capture."""

import json
import shutil
import sys
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import click

from packetlab.cli.common import json_option, print_json
from packetlab.cli.pcap.notes import report_damage
from packetlab.model.errors import UsageError
from packetlab.show.safe import cells

MOST_SHOWN = 1000
"""Rows that a terminal is shown; a pipe gets all."""
MOST_CHARACTERS = 200
"""Of one value; --csv and --json give all of it."""


@click.command(short_help="ask with SQL: SELECT dst, count(*) FROM packets GROUP BY 1")
@click.argument("file", required=False)
@click.argument("statement", metavar="SQL", required=False)
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Only packets for which a display filter holds.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
@click.option("--tables", "list_tables", is_flag=True, help="Which tables there are.")
@click.option("--schema", "list_columns", is_flag=True, help="Which columns they have, and what those mean.")
def query(
    file: str | None, statement: str | None, condition: str | None, as_csv: bool, as_json: bool, list_tables: bool,
    list_columns: bool,
) -> int:  # fmt: skip
    """Ask FILE (pcap or pcapng, also compressed; - is standard input) with a SELECT of DuckDB's SQL.

    \b
    packetlab pcap query --schema                  which tables and columns there are
    packetlab pcap query web.pcapng "SELECT src, dst, sum(length) AS bytes
        FROM packets GROUP BY ALL ORDER BY bytes DESC LIMIT 10"
    packetlab pcap query web.pcapng "SELECT * FROM flows" --csv > flows.csv

    A statement can read nothing but the tables; it may use 1 GB of memory, and then 4 GB of temporary files.
    """
    if list_tables or list_columns:
        return _describe(columns=list_columns, as_json=as_json)
    if file is None or statement is None:
        raise UsageError("a file and a statement are needed", remedy='packetlab pcap query FILE "SELECT ..."')
    from packetlab.analysis.open_capture import open_capture
    from packetlab.cli.progress import progress

    capture = open_capture(file)
    if condition:
        capture = capture.where(condition)
    with progress(f"reading {file}") as advance:
        capture.advance = advance
        answer = capture.sql(statement)
        if as_csv:
            answer.write("-", "csv", exact=True)
        elif as_json:
            _json(answer, capture)
        else:
            _table(answer)
    return report_damage(capture, quiet=as_json)


def _json(answer: Any, capture: Any) -> None:
    """{"columns": [...], "rows": [{...}], "damage": [...]}, written as it comes."""
    sys.stdout.write(json.dumps({"columns": answer.schema.names})[:-1] + ', "rows": [')
    separator = "\n"
    for row in answer.rows():
        sys.stdout.write(separator + json.dumps({name: _plain(value) for name, value in row.items()}, default=str))
        separator = ",\n"
    sys.stdout.write(f'\n], "damage": {json.dumps([str(one) for one in capture.damage])}}}\n')


def _plain(value: Any) -> Any:
    """What JSON can say: bytes in hex, no NaN."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value.hex() if isinstance(value, bytes) else value


# ---------------------------------------------------------------- for people


def _cell(value: Any) -> str:
    from packetlab.show.safe import safe_text

    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.9g}"
    text = value.hex() if isinstance(value, bytes) else str(value)
    return safe_text(text, limit=MOST_CHARACTERS)


def _table(answer: Any) -> None:
    """Aligned columns where they fit the terminal (sentences wrapped), otherwise one line per value."""
    names = [_cell(name) for name in answer.schema.names]
    rows = ([_cell(value) for value in row.values()] for row in answer.rows())
    head = list(islice(rows, MOST_SHOWN))
    if not head:
        click.echo("no rows", err=True)
        return
    to_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if to_terminal else 1 << 30
    sizes = [max(map(cells, column)) for column in zip(names, *head, strict=True)]
    prose = [size > 30 and any(cell.count(" ") > 3 for cell in column)
             for size, column in zip(sizes, zip(*head, strict=True), strict=True)]  # fmt: skip
    needed = sum(24 if wraps else size for size, wraps in zip(sizes, prose, strict=True)) + 2 * (len(sizes) - 1)
    if needed <= width:
        _grid(answer, names, head, rows, sizes, prose, to_terminal)
    else:
        _records(names, head, width)
    if to_terminal and next(rows, None) is not None:
        click.echo(f"the first {MOST_SHOWN} rows; --csv or a pipe gives all", err=True)


def _grid(
    answer: Any, names: list[str], head: list[list[str]], more: Iterator[list[str]], sizes: list[int],
    prose: list[bool], to_terminal: bool,
) -> None:  # fmt: skip
    import pyarrow as pa

    right = [pa.types.is_integer(field.type) or pa.types.is_floating(field.type) for field in answer.schema]
    if to_terminal:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
        for name, is_right, wraps in zip(names, right, prose, strict=True):
            table.add_column(Text(name), justify="right" if is_right else "left", no_wrap=not wraps, overflow="fold")
        for row in head:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)
        return

    def line(row: list[str]) -> str:
        texts = (" " * max(0, size - cells(cell)) + cell if is_right else cell + " " * max(0, size - cells(cell))
                 for cell, size, is_right in zip(row, sizes, right, strict=True))  # fmt: skip
        return "  ".join(texts).rstrip() + "\n"

    sys.stdout.write(line(names))
    sys.stdout.writelines(line(row) for row in chain(head, more))


def _records(names: list[str], rows: list[list[str]], width: int) -> None:
    """Too many columns for the terminal: one line per value, values that are missing left out."""
    left = max(map(cells, names))
    for number, row in enumerate(rows, 1):
        click.echo(f"row {number}")
        for name, value in zip(names, row, strict=True):
            if value:
                click.echo(f"  {name}{' ' * (left - cells(name))}  {value}"[: max(width, left + 10)])


def _describe(*, columns: bool, as_json: bool) -> int:
    from packetlab.analysis.tables import TABLES, spec, type_name

    tables = [spec(name) for name in TABLES]
    if as_json:
        print_json([{"table": one.name, "text": one.text,
                     "columns": [{"name": column.name, "type": type_name(column.kind), "text": column.text}
                                 for column in one.columns]} for one in tables])  # fmt: skip
        return 0
    from packetlab.cli.common import say

    for one in tables:
        if not columns:
            say(f"{one.name:<12} {one.text} ({len(one.columns)} columns)", hang=13)
            continue
        say(f"{one.name}: {one.text}")
        for column in one.columns:
            say(f"  {column.name:<20} {type_name(column.kind):<8} {column.text}", hang=32)
        click.echo()
    return 0
