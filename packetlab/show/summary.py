"""One line that says what a packet is about, as in the lists of captures: protocol, then the facts that matter.

Each protocol has a small function here, found by the header's name; where there is none, the first fields
speak. Functions read fields only, so a header that was cut short gets the general line.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from packetlab.model.addresses import ip_text, ipv4_text, mac_text
from packetlab.model.fault import CUT
from packetlab.model.header import Header
from packetlab.model.packet import Packet
from packetlab.show.safe import safe_text
from packetlab.show.view import field_text, goes_on, is_element, member_name, title_of

LONGEST: Final = 400
"""Characters of one summary."""

Words = Callable[[Any, Packet, int], str]
_WORDS: dict[str, Words] = {}


_WHOLE_OR_NOT: set[str] = set()
"""Names of headers whose words can do without fields that were cut."""


def words_for(*names: str, cut_too: bool = False) -> Callable[[Words], Words]:
    """Registers the summary of the headers with these names: words(header, packet, layer index) -> str.

    With `cut_too` the function copes with headers that end too early, whose last fields are CUT.
    """

    def register(function: Words) -> Words:
        for name in names:
            _WORDS[name] = function
            if cut_too:
                _WHOLE_OR_NOT.add(name)
        return function

    return register


def summary(packet: Packet, *, relative: "tuple[int, int] | None" = None) -> str:
    """One line such as "TCP 40000 -> 80 [SYN] seq=0 win=64240 mss=1460", safe to print.

    `relative`: (sequence, acknowledgment) numbers to show in a TCP line in place of the raw ones.
    """
    if packet.data is None:
        packet = packet.filled()
    if not packet.layers:
        return f"{len(packet.payload)} bytes"
    index = _speaker(packet)
    header = packet.layers[index]
    if relative is not None and header.name == "tcp" and not header.is_cut:
        text = tcp_words(header, packet, index, relative)
    else:
        text = _header_words(header, packet, index)
    if packet.quoted is not None:
        text += f"; about: {summary(packet.quoted)}"
    elif _wrong(packet):
        text += " (damaged)"
    return safe_text(text, limit=LONGEST)


def _wrong(packet: Packet) -> bool:
    return any(fault.cause == "sender" and not goes_on(packet, fault) for fault in packet._faults)


# Headers that only stand between: a line should be about what is around them where nothing is inside.
_BETWEEN: Final = ("hop_by_hop", "ipv6_hop_by_hop", "destination_options", "ipv6_destination_options")


def _speaker(packet: Packet) -> int:
    """The layer that a line should be about: the innermost that says something."""
    index = len(packet.layers) - 1
    while index > 0 and packet.layers[index].name in _BETWEEN:
        index -= 1
    return index


def _header_words(header: Header, packet: Packet, index: int) -> str:
    title = title_of(type(header))
    if header.is_cut and header.name not in _WHOLE_OR_NOT:
        goes_on_later = any(outer.name == "tcp" for outer in packet.layers[:index])
        return f"{title}, the beginning" if goes_on_later else f"{title} cut short"
    base = type(header).family_base
    words = _WORDS.get(header.name) or (_WORDS.get(base.name) if base is not None else None)
    return words(header, packet, index) if words is not None else general(header, packet, index)


_SILENT: Final = ("reserved", "unused", "quote_length", "padding")
"""Fields whose names begin so say nothing in one line."""


def general(header: Header, packet: Packet, index: int) -> str:
    """What can be said of any header: its first fields that are neither fixed nor consequences."""
    parts = []
    for spec in header.fields:
        if spec.when is not None and not spec.when(header):
            continue
        value = getattr(header, spec.slot)
        if value is CUT or spec.fill is not None or spec.expect is not None or spec.name.startswith(_SILENT):
            continue
        if spec.variable is not None and not value:
            continue
        text, meaning = field_text(spec, getattr(header, spec.name))
        short = meaning if spec.values is not None and 0 < len(meaning) <= 40 else text
        parts.append(f"{spec.name}={short if len(short) <= 40 else short[:39] + '…'}")
        if len(parts) == 4:
            break
    inside = packet.payload and packet.quoted is None and index == len(packet.layers) - 1
    rest = f" {len(packet.payload)} bytes" if inside else ""
    return f"{title_of(type(header))} {' '.join(parts)}".rstrip() + rest


def endpoints(packet: Packet) -> tuple[str, str]:
    """Source and destination for a list: the innermost network addresses, else the MAC addresses, else ""."""
    for header in reversed(packet.layers):
        if header.pseudo and not header.is_cut:
            return ip_text(getattr(header, header.pseudo[0])), ip_text(getattr(header, header.pseudo[1]))
    for header in packet.layers:
        source, target = getattr(header, "src", None), getattr(header, "dst", None)
        if isinstance(source, bytes) and isinstance(target, bytes):
            return (mac_text(source), mac_text(target)) if len(source) == 6 else (ip_text(source), ip_text(target))
    return "", ""


def protocol(packet: Packet) -> str:
    """The name of the innermost layer, for a column."""
    header = packet.layers[-1] if packet.layers else None
    if header is None:
        return "bytes"
    base = type(header).family_base
    return base.__name__ if base is not None and not is_element(type(header)) else type(header).__name__


def body_size(packet: Packet, index: int) -> int:
    """Bytes inside layer `index`."""
    _, body, end = packet.bounds()[index]
    return max(0, end - body)


# ---------------------------------------------------------------- link and internet


@words_for("ethernet")
def _ethernet(header: Any, packet: Packet, index: int) -> str:
    kind = field_text(header.spec("type"), header.type)
    name = kind[1] if not kind[1].startswith("unassigned") else f"type {kind[0]}"
    return f"Ethernet {mac_text(header.src)} -> {mac_text(header.dst)} {name}, {body_size(packet, index)} bytes"


@words_for("vlan", "service_vlan")
def _vlan(header: Any, packet: Packet, index: int) -> str:
    kind = field_text(header.spec("type"), header.type)
    name = kind[1] if not kind[1].startswith("unassigned") else f"type {kind[0]}"
    return f"VLAN {header.id} {name}, {body_size(packet, index)} bytes"


@words_for("arp", "rarp")
def _arp(header: Any, packet: Packet, index: int) -> str:
    """RFC 826; field names as link/arp.py declares them."""
    sender, target = _address(header, "sender_ip", "sender_protocol"), _address(header, "target_ip", "target_protocol")
    card = _address(header, "sender_mac", "sender_hardware")
    operation = getattr(header, "operation", 0)
    if operation == 1:
        if sender == target:
            return f"ARP announcement: {sender} is at {card}"
        if sender == "0.0.0.0":
            return f"ARP probe: is {target} in use?"
        return f"ARP who has {target}? tell {sender}"
    if operation == 2:
        return f"ARP {sender} is at {card}"
    return general(header, packet, index)


def _address(header: Any, *names: str) -> str:
    for name in names:
        for spec in header.fields:
            if spec.name.startswith(name):
                return field_text(spec, getattr(header, spec.name))[0]
    return "?"


@words_for("ipv4")
def _ipv4(header: Any, packet: Packet, index: int) -> str:
    kind = field_text(header.spec("protocol"), header.protocol)
    name = kind[1] if not kind[1].startswith("unassigned") else f"protocol {kind[0]}"
    text = f"IPv4 {ipv4_text(header.src)} -> {ipv4_text(header.dst)} {name}"
    if header.fragment_offset or header.more_fragments:
        at = header.fragment_offset * 8
        text += f", fragment {header.identification:#06x}: bytes {at}-{at + max(0, body_size(packet, index) - 1)}"
        return text + ("" if header.more_fragments else ", the last")
    return f"{text}, {body_size(packet, index)} bytes"


@words_for("ipv6")
def _ipv6(header: Any, packet: Packet, index: int) -> str:
    kind = field_text(header.spec("next_header"), header.next_header)
    name = kind[1] if not kind[1].startswith("unassigned") else f"protocol {kind[0]}"
    return f"IPv6 {ip_text(header.src)} -> {ip_text(header.dst)} {name}, {body_size(packet, index)} bytes"


@words_for("ipv6.fragment", "ipv6_fragment", "fragment")
def _ipv6_fragment(header: Any, packet: Packet, index: int) -> str:
    at = header.fragment_offset * 8
    text = f"IPv6 fragment {header.identification:#010x}: bytes {at}-{at + max(0, body_size(packet, index) - 1)}"
    return text + ("" if header.more_fragments else ", the last")


@words_for("icmp", "icmpv6")
def _icmp(header: Any, packet: Packet, index: int) -> str:
    """RFC 792 and RFC 4443: the kind of message in words, why, and what it is about."""
    base = type(header).family_base or type(header)
    if type(header) is base or not header.family_keys:
        kind = field_text(header.spec("type"), header.type)
        return f"{base.__name__} type {header.type} ({kind[1]}) code {header.code}, {body_size(packet, index)} bytes"
    text = f"{base.__name__} {_spaced(member_name(type(header)))}"
    why = field_text(header.spec("code"), header.code)[1]
    if why:
        text += f": {why}"
    elif header.code:
        text += f" code={header.code}"
    for spec in header.fields:
        value = getattr(header, spec.slot)
        if spec.name in ("code", "type") or spec.fill is not None or spec.name.startswith(_SILENT):
            continue
        if spec.variable is not None or (not value and spec.name not in ("identifier", "sequence")):
            continue
        short = {"identifier": "id", "sequence": "seq", "next_hop_mtu": "mtu"}.get(spec.name, spec.name)
        text += f" {short}={field_text(spec, value)[0]}"
    if packet.payload and packet.quoted is None:
        text += f" {len(packet.payload)} bytes"
    return text


def _spaced(name: str) -> str:
    """ "TimeExceeded" as "time exceeded", "MLDReport" as "MLD report"."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)


# ---------------------------------------------------------------- transport


@words_for("udp")
def _udp(header: Any, packet: Packet, index: int) -> str:
    return f"UDP {header.src_port} -> {header.dst_port} len={body_size(packet, index)}"


@words_for("tcp")
def _tcp(header: Any, packet: Packet, index: int) -> str:
    return tcp_words(header, packet, index, None)


def tcp_words(header: Any, packet: Packet, index: int, relative: tuple[int, int] | None) -> str:
    """A TCP segment; `relative` replaces the raw sequence and acknowledgment numbers."""
    sequence, acknowledgment = relative if relative is not None else (header.sequence, header.acknowledgment)
    flags = [bit.name for bit in reversed(header.spec("flags").bits) if header.flags & int(bit)]
    text = f"TCP {header.src_port} -> {header.dst_port} [{' '.join(flags) or 'no flags'}] seq={sequence}"
    if "ACK" in flags:
        text += f" ack={acknowledgment}"
    text += f" win={header.window}"
    size = body_size(packet, index)
    if size:
        text += f" len={size}"
    zero = header.acknowledgment - acknowledgment
    for option in header.options[:20]:
        said = _option(option, zero)
        if said:
            text += f" {said}"
    return text


def _option(option: Any, zero: int) -> str:
    """An option of TCP in a word; `zero` is where the other side's stream began."""
    if option.is_cut:
        return ""
    if option.name == "tcp.option.mss":
        return f"mss={option.size}"
    if option.name == "tcp.option.wscale":
        return f"ws={option.shift}"
    if option.name == "tcp.option.sack_permitted":
        return "sack-ok"
    if option.name == "tcp.option.sack":
        blocks = [one for one in option.blocks if one.name == "tcp.option.sack.block" and not one.is_cut]
        return "sack=" + ",".join(f"{(one.left - zero) % 2**32}-{(one.right - zero) % 2**32}" for one in blocks)
    return ""
