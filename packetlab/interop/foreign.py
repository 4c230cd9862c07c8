"""Protocols that packetlab does not know, taken apart by dpkt, or by scapy where it is installed.

Only bytes whose carrier names a protocol are handed over (an EtherType, an IP protocol number, a well-known
port, a link type): ordinary data stays data. Neither library is imported before such a packet is met. Both
may fail in any way on hostile bytes, so whatever they raise means "not known", and what they say is bounded
and made safe before it is shown.
"""

import contextlib
import importlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from packetlab.model.addresses import ip_text, mac_text
from packetlab.model.fields import NextProtocol
from packetlab.model.packet import Packet

MOST_LAYERS: Final = 8
MOST_FIELDS: Final = 60
MOST_TEXT: Final = 200
MOST_BYTES: Final = 9000
"""Longer payloads are not handed over: scapy takes seconds for a hostile one of 64 KiB."""

EXPERIMENTS: Final = {("ethertype", 0x88B5), ("ethertype", 0x88B6), ("protocol", 253), ("protocol", 254)}
"""Numbers kept free for experiments (IEEE 802 clause 9.2, RFC 3692 section 2.1): they name no protocol."""

Named = Literal["ethertype", "protocol", "port", "link"]


@dataclass(frozen=True, slots=True)
class ForeignLayer:
    """One layer as another library read it. Texts are raw: they go through `safe_text` when they are shown."""

    title: str
    source: str
    """ "dpkt" or "scapy"."""
    offset: int
    size: int
    """Bytes from `offset` on that the library counts to this layer."""
    fields: tuple[tuple[str, str], ...]


# TCP or UDP port: module and class of dpkt. Only ports that one protocol has to itself.
_DPKT_PORTS: Final = {
    67: ("dhcp", "DHCP"), 68: ("dhcp", "DHCP"), 69: ("tftp", "TFTP"), 123: ("ntp", "NTP"), 137: ("netbios", "NS"),
    138: ("netbios", "Datagram"), 179: ("bgp", "BGP"), 520: ("rip", "RIP"), 1812: ("radius", "RADIUS"),
    1813: ("radius", "RADIUS"), 1985: ("hsrp", "HSRP"), 3478: ("stun", "STUN"), 5060: ("sip", "Request"),
    9996: ("netflow", "Netflow5"),
}  # fmt: skip
_DPKT_LINKS: Final = {
    9: ("ppp", "PPP"), 12: ("ip", "IP"), 104: ("cdp", "CDP"), 105: ("ieee80211", "IEEE80211"),
    127: ("radiotap", "Radiotap"),
}  # fmt: skip
_SCAPY_PORTS: Final = frozenset({
    67, 68, 69, 88, 123, 137, 138, 139, 161, 162, 389, 500, 502, 520, 546, 547, 623, 646, 1812, 1813, 1985, 2055, 2123,
    2152, 3478, 3784, 4500, 5353, 5355, 6081, 6343, 20000, 30490, 44818,
})  # fmt: skip


def foreign_layers(
    packet: Packet, payload: bytes, offset: int, link_type: int | None = None
) -> tuple[ForeignLayer, ...]:
    """What dpkt, else scapy, makes of the bytes at `offset` that packetlab does not know; () where neither does.

    Never raises.
    """
    if not payload or len(payload) > MOST_BYTES:
        return ()
    named = _named(packet, link_type)
    if named is None or (named[0], named[1][0]) in EXPERIMENTS:
        return ()
    found = _by_dpkt(named, payload, offset)
    if not found and (named[0] != "port" or _SCAPY_PORTS & set(named[1])) and importlib.util.find_spec("scapy"):
        found = _by_scapy(named, packet, payload, offset, link_type)
    return found


def _named(packet: Packet, link_type: int | None) -> tuple[Named, tuple[int, ...]] | None:
    """Who carries the payload, and by what number(s) it says what that is."""
    if not packet.layers:
        return ("link", (link_type,)) if link_type is not None else None
    last = packet.layers[-1]
    if last.is_cut or any(getattr(last, name, 0) for name in ("fragment_offset", "more_fragments")):
        return None
    if last.name in ("tcp", "udp"):
        ports: tuple[int, ...] = tuple(getattr(last, name) for name in ("dst_port", "src_port"))
        return "port", ports
    for spec in last.fields:
        if isinstance(spec.fill, NextProtocol) and spec.width in (8, 16):
            return ("ethertype" if spec.width == 16 else "protocol"), (getattr(last, spec.name),)
    return None


def _plain(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        if len(value) > 3 and value.isascii() and bytes(value).decode().isprintable():
            return bytes(value[:MOST_TEXT]).decode()
        return bytes(value[:32]).hex(" ") + (" …" if len(value) > 32 else "") if value else "empty"
    if isinstance(value, list | tuple):
        return f"{len(value)} elements" if len(value) > 8 else ", ".join(_plain(one) for one in value) or "none"
    return str(value)[:MOST_TEXT]


def _address(value: bytes) -> str:
    return mac_text(value) if len(value) == 6 else ip_text(value)


# ---------------------------------------------------------------- dpkt


def _by_dpkt(named: tuple[Named, tuple[int, ...]], payload: bytes, offset: int) -> tuple[ForeignLayer, ...]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number in named[1]:
                kind = _dpkt_class(named[0], number)
                if kind is not None:
                    return tuple(_dpkt_layers(kind(payload), offset, len(payload)))
    except Exception:  # whatever dpkt raises on these bytes, it does not know them
        return ()
    return ()


def _dpkt_class(how: Named, number: int) -> Any:
    if how in ("port", "link"):
        home = (_DPKT_PORTS if how == "port" else _DPKT_LINKS).get(number)
        return getattr(importlib.import_module(f"dpkt.{home[0]}"), home[1]) if home else None
    if how == "ethertype":
        ethernet = importlib.import_module("dpkt.ethernet").Ethernet
        if not getattr(ethernet, "_typesw", None):
            importlib.import_module("dpkt.ethernet").__load_types()
        return ethernet._typesw.get(number)
    return importlib.import_module("dpkt.ip").IP._protosw.get(number)


def _dpkt_layers(found: Any, offset: int, total: int) -> Iterator[ForeignLayer]:
    end = offset + total
    for _ in range(MOST_LAYERS):
        fields = []
        names = [name for name in getattr(found, "__hdr_fields__", ()) if not name.startswith("_")]
        names += [name for name in vars(found) if not name.startswith("_") and name not in names]
        bits = getattr(type(found), "__bit_fields__", {}) or {}
        names += [part[0] for parts in bits.values() for part in parts if not part[0].startswith("_")]
        for name in dict.fromkeys(names):
            value = getattr(found, name, None)
            if name != "data" and value is not None and not hasattr(value, "__hdr_fields__"):
                is_address = name in ("src", "dst", "sha", "tha", "spa", "tpa") and isinstance(value, bytes)
                fields.append((name, _address(value) if is_address else _plain(value)))
        inner = getattr(found, "data", b"")
        rest = len(inner) if isinstance(inner, bytes) or hasattr(inner, "__hdr_fields__") else 0
        size = max(0, end - offset - rest)
        yield ForeignLayer(type(found).__name__, "dpkt", offset, size, tuple(fields[:MOST_FIELDS]))
        if not hasattr(inner, "__hdr_fields__"):
            return
        found, offset = inner, offset + size


# ---------------------------------------------------------------- scapy


@lru_cache(1)
def _scapy() -> Any:
    """scapy's namespace, imported once; it logs and warns a good deal while that happens."""
    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("scapy.all")


def _by_scapy(
    named: tuple[Named, tuple[int, ...]], packet: Packet, payload: bytes, offset: int, link_type: int | None
) -> tuple[ForeignLayer, ...]:
    try:
        scapy = _scapy()
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            number = named[1][0]
            if named[0] == "link":
                kind = scapy.conf.l2types.num2layer.get(link_type)
            elif named[0] == "ethertype":
                kind = scapy.Ether(type=number).guess_payload_class(payload)
            elif named[0] == "protocol":
                kind = scapy.IP(proto=number).guess_payload_class(payload)
            else:
                outer = scapy.UDP if packet.layers[-1].name == "udp" else scapy.TCP
                kind = outer(sport=named[1][1], dport=number).guess_payload_class(payload)
            if kind is None or kind in (scapy.Raw, scapy.Padding):
                return ()
            return tuple(_scapy_layers(kind(payload), offset, len(payload), (scapy.Raw, scapy.Padding)))
    except Exception:  # whatever scapy raises on these bytes, it does not know them
        return ()


def _scapy_layers(found: Any, offset: int, total: int, ends: tuple[Any, ...]) -> Iterator[ForeignLayer]:
    end = offset + total
    for _ in range(MOST_LAYERS):
        if not found or isinstance(found, ends):
            return
        rest = len(found.payload.original) if found.payload else 0
        size = max(0, end - offset - rest)
        fields = []
        for spec in found.fields_desc[:MOST_FIELDS]:
            value = found.getfieldval(spec.name)
            shown = value if isinstance(value, bytes | list | tuple) else spec.i2repr(found, value)
            fields.append((spec.name, _plain(shown)))
        yield ForeignLayer(found.name, "scapy", offset, size, tuple(fields))
        found, offset = found.payload, offset + size
