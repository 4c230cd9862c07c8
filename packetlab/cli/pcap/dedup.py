"""`packetlab pcap dedup`: a capture without packets that were captured twice."""

from typing import TYPE_CHECKING

import click

from packetlab.cli.pcap.editing import output_options, report, seconds_of
from packetlab.cli.progress import progress

if TYPE_CHECKING:
    from packetlab.capture.writer import Format


@click.command(short_help="leave out packets captured twice")
@click.argument("file")
@click.option("--window", default=5, show_default=True, type=click.IntRange(1, 1_000_000), metavar="N",
              help="Compare each packet with the N before it.")  # fmt: skip
@click.option("--within", metavar="TIME", help="Only if they are no further apart than this, such as 50ms.")
@output_options
def dedup(file: str, window: int, within: str | None, output: str, format: "Format | None", as_json: bool) -> int:  # noqa: A002
    """Write FILE without packets whose bytes equal those of a packet shortly before.

    Retransmissions are no duplicates: their IP identification or TTL differs. Packets captured at two
    interfaces of one machine, or by a mirror port that sends both directions, are.

    \b
    packetlab pcap dedup mirror.pcapng -o once.pcapng
    """
    from packetlab.capture import edit

    seconds = seconds_of(within) if within else None
    with progress("comparing") as advance:
        result = edit.deduplicate(file, output, packets=window, seconds=seconds, format=format, advance=advance)
    return report(result, as_json, output=output)
