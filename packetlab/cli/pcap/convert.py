"""`packetlab pcap convert`: the same packets in another format."""

from typing import TYPE_CHECKING

import click

from packetlab.cli.pcap.editing import output_options, report
from packetlab.cli.progress import progress

if TYPE_CHECKING:
    from packetlab.capture.writer import Format


@click.command(short_help="the same packets in another format")
@click.argument("file")
@output_options
def convert(file: str, output: str, format: "Format | None", as_json: bool) -> int:  # noqa: A002
    """Write the packets of FILE in the format that the output's name or --format says.

    What the format cannot hold (pcap: comments, interfaces, directions, several link types) is reported.

    \b
    packetlab pcap convert trace.pcapng -o trace.pcap
    packetlab pcap convert old.pcap.gz -o new.pcapng.zst
    """
    from packetlab.capture import edit

    with progress("converting") as advance:
        result = edit.convert(file, output, format=format, advance=advance)
    return report(result, as_json, output=output)
