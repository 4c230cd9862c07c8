"""`packetlab pcap cut`: the packets of a capture by number, time or filter, as a capture."""

from typing import TYPE_CHECKING

import click

from packetlab.cli.pcap.editing import condition, moment_of, output_options, report
from packetlab.cli.progress import progress
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.capture.writer import Format


@click.command(short_help="keep some packets: by number, time or filter")
@click.argument("file")
@click.option("-n", "--number", "numbers", metavar="N", help="Only these packets: 12, 3-5 or 1,4,9.")
@click.option("--from", "start", metavar="TIME", help="From here on: 12.5s after the first packet, or a date.")
@click.option("--to", "stop", metavar="TIME", help="Up to here, exclusively: as --from.")
@click.option("-Y", "--filter", "text", metavar="FILTER", help="Only packets for which a display filter holds.")
@output_options
def cut(
    file: str, numbers: str | None, start: str | None, stop: str | None, text: str | None, output: str,
    format: "Format | None", as_json: bool,  # noqa: A002
) -> int:  # fmt: skip
    """Write some packets of FILE to another capture.

    \b
    packetlab pcap cut web.pcapng -Y 'tcp.port == 80' -o http.pcapng
    packetlab pcap cut web.pcapng -n 100-200 -o some.pcapng
    packetlab pcap cut web.pcapng --from 2min --to 3min -o minute.pcapng
    packetlab pcap cut web.pcapng --from 2024-05-01T12:00:00 -o later.pcapng
    """
    from packetlab.capture import edit
    from packetlab.cli import packets

    begin, end = moment_of(start) if start else None, moment_of(stop) if stop else None
    if begin and end and begin[1] != end[1]:
        raise UsageError("one of the times is a date and the other is not", remedy="give both in the same way")
    if numbers is None and begin is None and end is None and text is None:
        raise UsageError("nothing says which packets are wanted", remedy="give -n, --from, --to or -Y")
    with progress("cutting") as advance:
        result = edit.cut_out(
            file, output, numbers=packets.numbers(numbers) if numbers else (),
            start=begin[0] if begin else None, stop=end[0] if end else None, relative=(begin or end or (0, False))[1],
            where=condition(file, text), what=text or "", format=format, advance=advance,
        )  # fmt: skip
    return report(result, as_json, output=output) or (0 if result.written else 1)
