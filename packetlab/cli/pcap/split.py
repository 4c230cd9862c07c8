"""`packetlab pcap split`: one capture as several, by number, size, time, filter or flow."""

from typing import TYPE_CHECKING

import click

from packetlab.cli.pcap.editing import condition, output_options, report, seconds_of, size_of
from packetlab.cli.progress import progress
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.capture.writer import Format


@click.command(short_help="cut a capture into several")
@click.argument("file")
@click.option("--by", "kind", required=True, type=click.Choice(["number", "size", "time", "filter", "flow"]),
              help="What a new part begins with.")  # fmt: skip
@click.option("--every", metavar="VALUE", help="Packets (1000), size (10M) or time (60s, 5min) of each part.")
@click.option("-Y", "--filter", "text", metavar="FILTER", help="With --by filter: parts x-matching and x-other.")
@output_options
def split(
    file: str, kind: str, every: str | None, text: str | None, output: str, format: "Format | None", as_json: bool  # noqa: A002
) -> int:  # fmt: skip
    """Write the packets of FILE to several captures x-00001.pcapng ... for the output x.pcapng.

    If the output is a directory (or ends with /), the parts are called after FILE. By flow, each conversation
    between two addresses (and ports) has a part of its own. The parts appear when all of them are complete.

    \b
    packetlab pcap split big.pcap --by size --every 100M -o part.pcap
    packetlab pcap split big.pcap --by filter -Y dns -o big.pcapng
    packetlab pcap split web.pcapng --by flow -o flows/
    """
    if output == "-":
        raise UsageError("several captures cannot go to standard output", remedy="name a file or a directory")
    if (every is None) == (kind in ("number", "size", "time")):
        raise UsageError(f"split by {kind} {'needs' if every is None else 'takes no'} --every")
    if (text is None) == (kind == "filter"):
        raise UsageError(f"split by {kind} {'needs' if text is None else 'takes no'} filter (-Y)")
    from packetlab.capture.split import split as by_limit
    from packetlab.capture.split import split_by

    with progress("splitting") as advance:
        if kind == "filter":
            holds = condition(file, text)
            assert holds is not None
            result = split_by(file, output, lambda frame: "matching" if holds(frame) else "other",
                              what=f"filter {text}", format=format, advance=advance)  # fmt: skip
        elif kind == "flow":
            from packetlab.analysis.flow_labels import FlowLabels

            result = split_by(file, output, FlowLabels().of, what="flow", format=format, advance=advance)
        else:
            assert every is not None
            result = by_limit(
                file, output, packets=_count(every) if kind == "number" else None,
                size=size_of(every) if kind == "size" else None,
                seconds=seconds_of(every) if kind == "time" else None,
                format=format, advance=advance,
            )  # fmt: skip
    return report(result, as_json, output=output)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18 or not int(text):
        raise UsageError(f"{text!r} is no number of packets", remedy="write a whole number above zero")
    return int(text)
