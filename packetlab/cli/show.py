"""`packetlab show FILE`: the packets of a capture as a list, or some of them in depth.

`packetlab pcap show` is the same command. How packets are shown is in packets.py.
"""

import click

from packetlab.cli.common import json_option
from packetlab.model.errors import UsageError

VIEWS = ("layers", "bytes", "figure", "explain")


@click.command(short_help="list the packets of a capture, or show one in depth")
@click.argument("file")
@click.option("-n", "--number", "numbers", metavar="N", help="Only these packets, in depth: 12, 3-5 or 1,4,9.")
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Only packets for which a display filter holds.")
@click.option("--layers", "show_layers", is_flag=True, help="What each layer adds, field by field.")
@click.option("--bytes", "show_bytes", is_flag=True, help="The bytes, labelled by layer and field.")
@click.option("--figure", "show_figure", is_flag=True, help="The RFC figures with their values.")
@click.option("--explain", "show_explain", is_flag=True, help="Every field in plain English.")
@click.option("--ladder", is_flag=True, help="The exchange as a sequence diagram.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N packets.")
@json_option
def show(
    file: str,
    numbers: str | None,
    condition: str | None,
    ladder: bool,
    limit: int | None,
    as_json: bool,
    **chosen: bool,
) -> int:
    """List the packets of FILE (pcap or pcapng, also compressed; - is standard input).

    \b
    packetlab show web.pcapng                 one line for each packet
    packetlab show web.pcapng -n 4            packet 4 in depth
    packetlab show web.pcapng -Y 'tcp.port == 80 && !ip.flags.df'
    packetlab show web.pcapng --ladder        who said what to whom, and when
    packetlab show web.pcapng -n 4 --figure   as the RFC draws it
    """
    import packetlab.protocols  # noqa: F401
    from packetlab.analysis.filter.selected import Selected
    from packetlab.cli import packets

    views = [view for view in VIEWS if chosen[f"show_{view}"]]
    wanted = packets.numbers(numbers) if numbers else None
    with Selected(file, condition) as capture:
        frames = packets.chosen(capture, wanted, limit)
        if as_json:
            packets.as_json(frames, capture.damage, full=wanted is not None or bool(views))
            return 1 if capture.damage else 0
        if ladder:
            from packetlab.show import ladder as draw
            from packetlab.show import print_to_terminal

            print_to_terminal(draw(frames))
        elif views or wanted is not None:
            packets.in_depth(frames, views or ["layers", "dump"])
        else:
            packets.in_lines(frames, capture)
        if wanted is not None and condition is None and max(high for _, high in wanted) > capture.frames_read:
            missing = next(low for low, high in wanted if high > capture.frames_read)
            held = "1 packet" if capture.frames_read == 1 else f"{capture.frames_read} packets"
            raise UsageError(f"there is no packet {max(missing, capture.frames_read + 1)}: the capture holds {held}")
        return packets.report_damage(capture.damage)
