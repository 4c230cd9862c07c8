"""`packetlab pcap list`: one line for each packet, or for those for which a filter holds."""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import json_option
from packetlab.cli.progress import progress

if TYPE_CHECKING:
    from packetlab.analysis.filter.selected import Selected
    from packetlab.model.frame import Frame


@click.command(name="list", short_help="list packets, one line each")
@click.argument("file")
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Only packets for which a display filter holds.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N packets.")
@click.option("--columns", metavar="FIELD,...", help="These fields, separated by tabs, instead of a description.")
@json_option
def list_packets(file: str, condition: str | None, limit: int | None, columns: str | None, as_json: bool) -> int:
    """List the packets of FILE (pcap or pcapng, also compressed; - is standard input).

    Several values of a column in one packet are separated by commas. A file is filtered as a whole before
    any packet is decoded; standard input is shown as it comes.

    \b
    packetlab pcap list web.pcapng -Y 'tcp.flags.reset == 1'
    packetlab pcap list web.pcapng --columns frame.number,ip.src,tcp.dstport
    tcpdump -U -w - | packetlab pcap list - -Y dns
    """
    import packetlab.protocols  # noqa: F401
    from packetlab.analysis.fields import Fields
    from packetlab.analysis.filter.selected import Selected
    from packetlab.cli import packets

    fields = Fields(columns.split(",")) if columns else None
    with progress("filtering") as advance, Selected(file, condition, advance) as capture:
        frames = packets.chosen(capture, None, limit)
        if as_json and fields is None:
            packets.as_json(frames, capture.damage, full=False)
        elif fields is not None:
            _columns(capture, frames, fields, as_json)
        else:
            packets.in_lines(frames, capture)
    return (1 if capture.damage else 0) if as_json else packets.report_damage(capture.damage)


def _columns(capture: "Selected", frames: Iterator["Frame"], fields: Any, as_json: bool) -> None:
    from packetlab.cli import packets
    from packetlab.show.safe import safe_text

    if as_json:
        rows = (
            {"number": frame.number,
             "fields": dict(zip(fields.names, fields.values(frame, None, capture.first_time), strict=True))}
            for frame in frames
        )  # fmt: skip
        packets.json_document(rows, capture.damage)
        return
    sys.stdout.write("\t".join(fields.names) + "\n")
    for frame in frames:
        cells = fields.values(frame, None, capture.first_time)
        texts = (",".join(value if isinstance(value, str) else json.dumps(value) for value in cell) for cell in cells)
        sys.stdout.write("\t".join(safe_text(text) for text in texts) + "\n")
        if capture.is_growing:
            sys.stdout.flush()
