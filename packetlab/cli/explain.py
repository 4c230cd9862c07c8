"""`packetlab explain`: a protocol, a field or a flag by name, or a packet that is given in hex."""

import sys

import click

from packetlab.cli import completion
from packetlab.cli.common import json_option, print_json

MOST_HEX = 1 << 20
"""Characters of hex that are read; the longest packet has 65,535 bytes."""


@click.command(short_help="explain a protocol, a field, or a packet given in hex")
@click.argument("subject", nargs=-1, shell_complete=completion.protocols)
@click.option("--first", metavar="PROTOCOL", help="The outermost protocol of the hex; guessed otherwise.")
@click.option("--layers", "show_layers", is_flag=True, help="For hex: what each layer adds.")
@click.option("--bytes", "show_bytes", is_flag=True, help="For hex: the bytes, labelled by layer and field.")
@click.option("--figure", "show_figure", is_flag=True, help="For hex: the RFC figures with their values.")
@json_option
def explain(
    subject: tuple[str, ...], first: str | None, show_layers: bool, show_bytes: bool, show_figure: bool, as_json: bool
) -> int:
    """Explain SUBJECT: a protocol (tcp), a field (tcp.window, ipv4.ttl=1), a Wireshark name, or hex.

    \b
    packetlab explain tcp                      what TCP is, and its header
    packetlab explain tcp.flags=0x12           one field with one value
    packetlab explain 4500001c000100004001...  a packet, field by field
    tcpdump -xr web.pcap -c 1 | packetlab explain -
    Without SUBJECT: every protocol there is (or the hex on standard input).
    """
    from packetlab.show.block import blank, print_to_terminal

    text = " ".join(subject)
    if not subject and not sys.stdin.isatty():
        piped = sys.stdin.read(MOST_HEX)
        text = piped if piped.strip() else ""
        if text:
            return _hex(text, first, as_json, show_layers, show_bytes, show_figure)
    if text == "-":
        return _hex(sys.stdin.read(MOST_HEX), first, as_json, show_layers, show_bytes, show_figure)
    from packetlab.show.explain import explain_all, explain_name, name_dict, protocol_dicts
    from packetlab.show.hexinput import looks_like_hex

    if not text:
        if as_json:
            print_json(protocol_dicts())
        else:
            print_to_terminal(explain_all())
        return 0
    if looks_like_hex(text):
        return _hex(text, first, as_json, show_layers, show_bytes, show_figure)
    if as_json:
        print_json([one for name in subject for one in name_dict(name)])
        return 0
    for number, name in enumerate(subject):
        if number:
            print_to_terminal(blank())
        print_to_terminal(explain_name(name))
    return 0


def _hex(text: str, first: str | None, as_json: bool, show_layers: bool, show_bytes: bool, show_figure: bool) -> int:
    import packetlab.protocols  # noqa: F401
    from packetlab.model.packet import decapsulate
    from packetlab.show.block import View, print_to_terminal
    from packetlab.show.bytes import bytes_of
    from packetlab.show.data import as_dict
    from packetlab.show.explain import explain_of
    from packetlab.show.figure import figure_of
    from packetlab.show.hexinput import bytes_from_hex, first_of
    from packetlab.show.layers import layers_of
    from packetlab.show.view import look

    data = bytes_from_hex(text)
    packet = decapsulate(data, first_of(data, first))
    if as_json:
        print_json(as_dict(packet))
        return 0
    seen = look(packet)
    views: list[View] = []
    if show_layers:
        views.append(layers_of(seen))
    if show_bytes:
        views.append(bytes_of(seen))
    if show_figure:
        views.append(figure_of(seen))
    for view in views or [explain_of(seen)]:
        print_to_terminal(view)
    return 0
