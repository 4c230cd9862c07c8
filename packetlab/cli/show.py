"""`packetlab show FILE`: the packets of a capture as a list, or some of them in depth.

Frames are shown as they are read, so that a pipe or a file of any size costs no memory. Damage in the file
does not stop the list: it is reported behind it, and the exit code is 1.
"""

import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from packetlab.cli.common import json_option
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.capture import CaptureReader
    from packetlab.model.frame import Frame

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
    from packetlab.capture import CaptureReader

    views = [view for view in VIEWS if chosen[f"show_{view}"]]
    wanted = _numbers(numbers) if numbers else None
    holds = _condition(condition)
    with CaptureReader(file) as reader:
        frames = _chosen(reader, wanted, limit, holds)
        if as_json:
            _json(reader, frames, full=wanted is not None or bool(views))
        elif ladder:
            from packetlab.show import ladder as draw
            from packetlab.show import print_to_terminal

            print_to_terminal(draw(frames))
        elif views or wanted is not None:
            _in_depth(frames, views or ["layers", "dump"])
        else:
            _list(frames)
        if wanted is not None and max(high for _, high in wanted) > reader.frames_read and not as_json:
            missing = next(low for low, high in wanted if high > reader.frames_read)
            held = "1 packet" if reader.frames_read == 1 else f"{reader.frames_read} packets"
            raise UsageError(f"there is no packet {max(missing, reader.frames_read + 1)}: the capture holds {held}")
        for damage in reader.damage if not as_json else ():
            click.echo(f"damaged: {damage}", err=True)
        return 1 if reader.damage else 0


def _numbers(text: str) -> list[tuple[int, int]]:
    """ "3-5,9" as [(3, 5), (9, 9)], sorted."""
    found = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()) or int(low) < 1 or int(high or low) < int(low):
            raise UsageError(f"{text!r} names no packets", remedy="write 12, 3-5 or 1,4,9; packets count from 1")
        found.append((int(low), int(high or low)))
    return sorted(found)


def _condition(text: str | None) -> "Callable[[Frame], bool]":
    """Whether a display filter holds for a frame; everything holds where there is no filter."""
    if text is None:
        return lambda frame: True
    from packetlab.analysis.filter import parse
    from packetlab.model.packet import decapsulate

    test = parse(text)
    first: list[int] = []

    def holds(frame: "Frame") -> bool:
        first[:] = first or [frame.time]
        return test.matches(decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length), frame, first[0])

    return holds


def _chosen(
    reader: "CaptureReader", wanted: list[tuple[int, int]] | None, limit: int | None, holds: "Callable[[Frame], bool]"
) -> Iterator["Frame"]:
    last = max(high for _, high in wanted) if wanted else None
    shown = 0
    for frame in reader:
        if not holds(frame):
            pass
        elif wanted is None or any(low <= frame.number <= high for low, high in wanted):
            yield frame
            shown += 1
        if shown == limit or frame.number == last:
            return


def _list(frames: Iterator["Frame"]) -> None:
    from packetlab.show.listing import Listing

    listing = Listing()
    for frame in frames:
        listing.print(frame)


def _in_depth(frames: Iterator["Frame"], views: list[str]) -> None:
    from packetlab.model.packet import decapsulate
    from packetlab.show.block import blank, print_to_terminal, text_view
    from packetlab.show.bytes import bytes_of
    from packetlab.show.explain import explain_of
    from packetlab.show.figure import figure_of
    from packetlab.show.layers import layers_of
    from packetlab.show.summary import summary
    from packetlab.show.view import look

    make = {
        "layers": layers_of, "bytes": bytes_of, "dump": lambda seen: bytes_of(seen, fields=False),
        "figure": figure_of, "explain": explain_of,
    }  # fmt: skip
    first = True
    for frame in frames:
        packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
        seen = look(packet, frame)
        if not first:
            print_to_terminal(blank())
        first = False
        if views[0] != "layers":
            print_to_terminal(text_view((f"Frame {frame.number}: ", "head"), (summary(packet), ""), hang=4))
        for view in views:
            if view != views[0]:
                print_to_terminal(blank())
            print_to_terminal(make[view](seen))


def _json(reader: "CaptureReader", frames: Iterator["Frame"], *, full: bool) -> None:
    """One document, written as it is read: {"packets": [...], "damage": [...]}."""
    from packetlab.model.packet import decapsulate
    from packetlab.show.data import as_dict, brief_dict

    sys.stdout.write('{"packets": [')
    separator = "\n"
    for frame in frames:
        packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
        made = as_dict(packet, frame) if full else brief_dict(packet, frame)
        sys.stdout.write(separator + json.dumps(made))
        separator = ",\n"
    damage = [
        {"offset": one.offset, "what": one.what, "bytes_lost": one.bytes_lost, "packets_lost": one.packets_lost}
        for one in reader.damage
    ]
    sys.stdout.write(f'\n], "damage": {json.dumps(damage)}}}\n')
