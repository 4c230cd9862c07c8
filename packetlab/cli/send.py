"""`packetlab send`: build a packet from a short expression or hex, send it, show what comes back."""

import time
from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import interface_option, json_option, print_json, recording, write_option
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.wire.host import Host

ROUTING_CLAIMS = ("icmpv6.router_advertisement", "icmpv6.redirect", "icmp.redirect")
"""Layers by which a host on the link is made to send its packets elsewhere; spanning tree does that to switches."""


@click.command(short_help="build a packet and send it")
@click.argument("words", nargs=-1, required=True, metavar="EXPRESSION")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@click.option("-c", "--count", type=click.IntRange(1, 100), default=1, show_default=True, help="Send it so many times.")
@click.option("-W", "--wait", "patience", type=click.FloatRange(0, 60), default=1.0, show_default=True,
              help="Seconds to wait for answers.")  # fmt: skip
@interface_option
@write_option
@json_option
@click.pass_obj
def send(
    via: "Host | None", /, words: tuple[str, ...], dry_run: bool, count: int, patience: float, interface: str,
    write: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Build the packet of EXPRESSION, show it, send it, and show what is answered.

    \b
    packetlab send -n 'IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(src_port=9, dst_port=7) / "hi"'
    packetlab send 'IPv4(src="10.0.0.1", dst="10.0.0.2") / EchoRequest(identifier=1) / "hi"'
    packetlab send -I eth0 'Ethernet(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:01") / "hello"'
    packetlab send -I eth0 ffffffffffff02000000000188b568656c6c6f

    Frames (Ethernet, hex) need -I. Addresses that are not this machine's may be sent from inside a virtual network
    of packetlab only. The exit code is 1 where nothing was answered.
    """
    from packetlab.internet.ipv4 import IPv4
    from packetlab.internet.ipv6 import IPv6
    from packetlab.link.ethernet import IEEE8023, Ethernet
    from packetlab.model.packet import decapsulate
    from packetlab.show import as_dict, layers, print_to_terminal
    from packetlab.show.expression import read_packet

    if len(words) > 1:
        remedy = "'single quotes' around the whole of it, \"double\" ones around text in it"
        raise UsageError(f"a packet is one argument, and here are {len(words)}", remedy=remedy)
    packet = read_packet(words[0])
    data = packet.encapsulate()
    first = type(packet.layers[0]) if packet.layers else Ethernet
    if dry_run:
        if as_json:
            print_json({"hex": data.hex(), "packet": as_dict(packet if packet.layers else decapsulate(data, first))})
        else:
            print_to_terminal(layers(packet if packet.layers else decapsulate(data, first)))
        return 0
    if not issubclass(first, Ethernet | IEEE8023 | IPv4 | IPv6):
        remedy = "begin with Ethernet, IEEE8023, IPv4 or IPv6"
        raise UsageError(f"a packet cannot begin with {first.__name__}", remedy=remedy)
    if issubclass(first, Ethernet | IEEE8023) and not interface:
        remedy = "add -I NAME; packetlab interfaces lists them"
        raise UsageError("a frame needs an interface to leave through", remedy=remedy)
    with recording(write) as record:
        sent, answers = _exchange(via, decapsulate(data, first), data, interface, count, patience, record)
    if as_json:
        print_json({"sent": [as_dict(decapsulate(f.data, f.link_type), f) for f in sent],
                    "answers": [as_dict(decapsulate(f.data, f.link_type), f) for f in answers]})  # fmt: skip
    else:
        _print(sent, answers)
    return 0 if answers else 1


def _exchange(via: "Host | None", packet: Any, data: bytes, interface: str, count: int, patience: float,
              record: Any) -> Any:  # fmt: skip
    """Send through a packet socket (frames) or a raw IP socket; everything that comes back to us is an answer."""
    from packetlab.model.packet import decapsulate
    from packetlab.wire.loop import interruptible

    with interruptible() as stop, _device(via, packet, interface) as device:
        sent, answers = [], []
        for _ in range(count):
            frame = device.send(data if interface and packet.layers[0].name.startswith(("eth", "ieee")) else packet)
            sent.append(frame)
        deadline = time.monotonic() + patience
        while not stop.asked and (left := deadline - time.monotonic()) > 0:
            for frame in device.receive(min(left, 0.2)):
                if record is not None:
                    record.write(frame)
                if frame.direction != "out" and _answers(packet, decapsulate(frame.data, frame.link_type)):
                    answers.append(frame)
            if len(answers) >= count:
                break
        return sent, answers


def _device(via: "Host | None", packet: Any, interface: str) -> Any:
    from packetlab.wire.ip_socket import IPDevice
    from packetlab.wire.packet_socket import PacketDevice

    _refuse_false_claims(via, packet)
    first = packet.layers[0] if packet.layers else None
    if first is None or first.name.startswith(("eth", "ieee")):
        return PacketDevice(interface, via)
    protocol = first.protocol if len(first.dst) == 4 else first.next_header
    return IPDevice(first.dst, protocol, via, interface=interface)


def _refuse_false_claims(via: "Host | None", packet: Any) -> None:
    """UsageError outside a lab where any layer speaks for somebody else, or tells others how to route."""
    from packetlab.model.addresses import ip_text
    from packetlab.wire.host import LocalHost
    from packetlab.wire.lab_only import require_lab
    from packetlab.wire.netlink import interfaces

    cards = interfaces(via or LocalHost())
    own, macs = {address.address for card in cards for address in card.addresses}, {card.mac for card in cards}
    for number, header in enumerate(packet.layers):
        source = getattr(header, "src", None)
        if number == 0 and isinstance(source, bytes) and len(source) == 6 and source not in macs:
            require_lab(via, "sending from another card's MAC address is allowed")
        if isinstance(source, bytes) and len(source) in (4, 16) and source not in own and any(source):
            require_lab(via, f"sending from {ip_text(source)}, which is not this machine's address, is allowed")
        # A probe claims nothing: its sender address is 0.0.0.0 (RFC 5227 section 1.1).
        claimed, card = getattr(header, "sender_protocol", b""), getattr(header, "sender_hardware", b"")
        if any(claimed) and (claimed not in own or card not in macs):
            require_lab(via, "claiming an address in ARP that is not this machine's is allowed")
        if header.name == "icmpv6.neighbour_advertisement" and header.target not in own:
            require_lab(via, f"claiming {ip_text(header.target)}, which is not this machine's address, is allowed")
        if header.name in ROUTING_CLAIMS or header.name.startswith("stp"):
            require_lab(via, "telling others which way to send is allowed")


def _answers(sent: Any, got: Any) -> bool:
    """Whether a packet goes back where ours came from, or quotes ours in an ICMP error."""
    ours, theirs = sent.layers[-1] if sent.layers else None, got
    if got.quoted is not None:
        return True
    for mine in sent.layers:
        if mine.name in ("ipv4", "ipv6"):
            back = next((one for one in theirs.layers if one.name == mine.name), None)
            if back is None or back.src != mine.dst or back.dst != mine.src:
                return False
            if ours is not None and ours.name in ("udp", "tcp"):
                other = next((one for one in theirs.layers if one.name == ours.name), None)
                return other is not None and (other.src_port, other.dst_port) == (ours.dst_port, ours.src_port)
            return True
    if ours is not None and ours.name == "arp":
        other = next((one for one in theirs.layers if one.name == "arp"), None)
        return other is not None and other.sender_protocol == ours.target_protocol
    return False


def _print(sent: Any, answers: Any) -> None:
    from packetlab.model.packet import decapsulate
    from packetlab.show import layers, print_to_terminal
    from packetlab.show.listing import Listing

    print_to_terminal(layers(decapsulate(sent[0].data, sent[0].link_type), sent[0]))
    listing = Listing(start=sent[0].time)
    for frame in [*sent, *answers]:
        listing.print(frame)
    if not answers:
        click.echo("nothing was answered")
