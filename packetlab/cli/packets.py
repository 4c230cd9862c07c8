"""Packets on the screen: what `show`, `pcap show` and `pcap list` have in common.

Frames are shown as they are read, so that a pipe or a file of any size costs no memory. Damage in the file
does not stop the list: it is reported behind it, and the exit code is 1.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.analysis.filter.selected import Selected
    from packetlab.capture.damage import Damage
    from packetlab.model.frame import Frame

MOST_DAMAGE = 50
Ranges = list[tuple[int, int]]


def numbers(text: str) -> Ranges:
    """ "3-5,9" as [(3, 5), (9, 9)], sorted."""
    found = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not _is_number(low) or (dash and not _is_number(high)) or int(low) < 1 or int(high or low) < int(low):
            raise UsageError(f"{text!r} names no packets", remedy="write 12, 3-5 or 1,4,9; packets count from 1")
        found.append((int(low), int(high or low)))
    return sorted(found)


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 19


def chosen(frames: Iterable["Frame"], wanted: Ranges | None, limit: int | None) -> Iterator["Frame"]:
    """The frames with the wanted numbers, at most `limit`; stops reading behind the last."""
    last = max(high for _, high in wanted) if wanted else None
    shown = 0
    for frame in frames:
        if wanted is None or any(low <= frame.number <= high for low, high in wanted):
            yield frame
            shown += 1
        if shown == limit or (last is not None and frame.number >= last):
            return


def in_lines(frames: Iterable["Frame"], capture: "Selected") -> None:
    """One line for each; times count from the first frame of the capture."""
    from packetlab.show.listing import Listing

    listing = Listing()
    for frame in frames:
        listing.start = capture.first_time
        listing.print(frame)
        if capture.is_growing:
            sys.stdout.flush()


def in_depth(frames: Iterable["Frame"], views: list[str]) -> None:
    """Each in the views "layers", "bytes", "dump", "figure", "explain"."""
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


def as_json(frames: Iterable["Frame"], damage: Iterable["Damage"], *, full: bool) -> None:
    """One document, written as it is read: {"packets": [...], "damage": [...]}."""
    from packetlab.model.packet import decapsulate
    from packetlab.show.data import as_dict, brief_dict

    make = as_dict if full else brief_dict
    packets = (make(decapsulate(one.data, one.link_type, wire_length=one.wire_length), one) for one in frames)
    json_document(packets, damage)


def json_document(packets: Iterable[dict[str, Any]], damage: Iterable["Damage"]) -> None:
    """The document of `as_json`, of packets that are dicts already."""
    sys.stdout.write('{"packets": [')
    separator = "\n"
    for made in packets:
        sys.stdout.write(separator + json.dumps(made))
        separator = ",\n"
    sys.stdout.write(f'\n], "damage": {json.dumps(damage_dicts(damage))}}}\n')


def damage_dicts(damage: Iterable["Damage"]) -> list[dict[str, Any]]:
    """Damage for JSON."""
    return [
        {"offset": one.offset, "what": one.what, "bytes_lost": one.bytes_lost, "packets_lost": one.packets_lost}
        for one in damage
    ]


def report_damage(damage: Sequence["Damage"]) -> int:
    """One line for each damaged place (the first MOST_DAMAGE) on standard error; the exit code."""
    shown = list(islice(damage, MOST_DAMAGE + 1))
    for one in shown[:MOST_DAMAGE]:
        click.echo(f"damaged: {one}", err=True)
    if len(shown) > MOST_DAMAGE:
        rest = sum(1 for _ in damage) - MOST_DAMAGE
        click.echo(f"damaged: {rest} more place{'s' if rest != 1 else ''} (--json lists them all)", err=True)
    return 1 if shown else 0
