"""`packetlab pcap export FILE`: a table of a capture as Parquet, Arrow, CSV or NDJSON, or its objects as files."""

from typing import TYPE_CHECKING, cast

import click

from packetlab.cli.common import print_json
from packetlab.cli.pcap.notes import report_damage
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.analysis.tables.fields import Occurrence
    from packetlab.analysis.tables.write import Format


@click.command(short_help="write packets, flows, messages ... as a table for other programs")
@click.argument("file")
@click.option("-o", "--output", metavar="FILE", help="Where to: .parquet, .arrow, .csv or .ndjson; - is the output.")
@click.option("--objects", metavar="DIR", help="HTTP bodies and TLS certificates as files, with a manifest.json.")
@click.option("--table", "table", default="packets", show_default=True, metavar="NAME", help="Which table.")
@click.option("--fields", metavar="A,B,...", help="Only these columns; or any fields by name: tcp.window,ip.ttl.")
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Only packets for which a display filter holds.")
@click.option(
    "--occurrence",
    type=click.Choice(["first", "last", "all"]),
    default="first",
    show_default=True,
    help="Which value of a field that occurs several times in a packet.",
)
@click.option("--format", "kind", type=click.Choice(["parquet", "arrow", "csv", "ndjson"]), help="If not by suffix.")
@click.option("--exact", is_flag=True, help="CSV: no apostrophe before texts that spreadsheets take for formulas.")
@click.option("--json", "as_json", is_flag=True, help="Say in JSON what was written.")
def export(
    file: str, output: str | None, table: str, fields: str | None, condition: str | None, kind: str | None,
    exact: bool, as_json: bool, occurrence: str, objects: str | None,
) -> int:  # fmt: skip
    """Write a table or the objects of FILE (pcap or pcapng, also compressed; - is standard input).

    \b
    packetlab pcap export web.pcapng -o packets.parquet
    packetlab pcap export web.pcapng --table flows -o flows.csv
    packetlab pcap export web.pcapng --fields frame.number,ip.ttl,tcp.options.mss_val -o - --format csv
    packetlab pcap export web.pcapng --objects DIR
    packetlab pcap query web.pcapng --tables       which tables and columns there are
    """
    if objects is not None:
        from packetlab.cli.pcap.save_objects import export_objects

        if output is not None or fields is not None:
            raise UsageError("--objects goes with -Y and --json alone", remedy="export the table in a second command")
        return export_objects(file, objects, condition, as_json)
    if output is None:
        raise UsageError("where the table should go is not said",
                         remedy="give -o FILE.parquet, -o - --format csv, or --objects DIR")  # fmt: skip
    return export_table(file, output, table, fields, condition, kind, exact, as_json, occurrence)


def export_table(
    file: str, output: str, table: str, fields: str | None, condition: str | None, kind: str | None, exact: bool,
    as_json: bool, occurrence: str = "first",
) -> int:  # fmt: skip
    """Write one table and say so."""
    from packetlab.analysis.filter import parse
    from packetlab.analysis.open_capture import open_capture
    from packetlab.cli.progress import progress

    names = [name.strip() for name in fields.split(",") if name.strip()] if fields else None
    capture = open_capture(file)
    if condition:
        capture = capture.where(parse(condition))
    made = capture.selection(table, names, cast("Occurrence", occurrence))
    with progress(f"reading {file}") as advance:
        capture.advance = advance
        rows = made.write(output, cast("Format | None", kind), exact=exact)
    if as_json:
        if output != "-":
            print_json({"file": output, "table": table, "rows": rows, "columns": made.schema.names,
                        "damage": [str(one) for one in capture.damage]})  # fmt: skip
    else:
        click.echo(f"{rows} row{'s' if rows != 1 else ''} of {table} written to {output}", err=True)
    return report_damage(capture, quiet=as_json)
