"""`packetlab pcap merge`: several captures as one, in the order of time."""

from typing import TYPE_CHECKING

import click

from packetlab.cli.pcap.editing import output_options, report
from packetlab.cli.progress import progress

if TYPE_CHECKING:
    from packetlab.capture.writer import Format


@click.command(short_help="join captures in the order of time")
@click.argument("files", nargs=-1, required=True)
@output_options
def merge(files: tuple[str, ...], output: str, format: "Format | None", as_json: bool) -> int:  # noqa: A002
    """Write the packets of FILES to one capture, in the order of time.

    Each file is taken to be in that order itself. Interfaces, names, keys and comments are taken along.

    \b
    packetlab pcap merge client.pcapng server.pcapng -o both.pcapng
    """
    from packetlab.capture import edit

    if files.count("-") > 1:
        raise click.UsageError("standard input can be read once only")
    with progress("merging") as advance:
        result = edit.merge(files, output, format=format, advance=advance)
    return report(result, as_json, output=output)
