"""`packetlab pcap repair`: all that is sound of a damaged capture."""

from typing import TYPE_CHECKING

import click

from packetlab.cli.pcap.editing import output_options, report
from packetlab.cli.progress import progress

if TYPE_CHECKING:
    from packetlab.capture.writer import Format


@click.command(short_help="write what is sound of a damaged capture")
@click.argument("file")
@output_options
def repair(file: str, output: str, format: "Format | None", as_json: bool) -> int:  # noqa: A002
    """Write all sound packets of FILE to a new capture; comments say before which packets something was lost.

    \b
    packetlab pcap repair broken.pcapng -o mended.pcapng
    """
    from packetlab.capture import edit

    with progress("repairing") as advance:
        result = edit.repair(file, output, format=format, advance=advance)
    return report(result, as_json, output=output, damage_is_news=False)
