"""GRE: any protocol inside IP (RFC 2784), with a key and sequence numbers where wanted (RFC 2890).

Flags in the first 16 bits say which optional fields follow. Version 1 is PPTP's own form of it (RFC 2637); the
source routes of the first specification (RFC 1701) are gone, and what follows them is left unread.
"""

from typing import Any

from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.ethernet import ETHER_TYPES, Ethernet
from packetlab.model.fields import auto, field, preset, u1, u3, u4, u16, u32
from packetlab.model.header import Header

INSIDE = ETHER_TYPES | {0x6558: "Ethernet frame", 0x880B: "PPP", 0x88BE: "mirrored frame (ERSPAN)", 0x883E: "WCCP"}


def _has_checksum(header: Any) -> bool:
    return bool(header.checksum_present or header.routing_present)


def _has_key(header: Any) -> bool:
    return bool(header.key_present)


def _has_sequence(header: Any) -> bool:
    return bool(header.sequence_present)


def _has_acknowledgment(header: Any) -> bool:
    return bool(header.acknowledgment_present)


def _is_pptp(data: bytes, pos: int, end: int) -> Any:
    return PPTPGRE if end - pos >= 2 and data[pos + 1] & 7 == 1 else None


# Declared before GRE, which then takes its place in the table; `GRE` hands over by `variant`.
class PPTPGRE(Header, ref="RFC 2637 section 4.1", rides={IPv4: 47}, name="pptp_gre", wireshark="gre"):
    """GRE as PPTP uses it: carries PPP frames of one call."""

    checksum_present: u1 = preset("zero here", 0, wireshark="gre.flags.checksum")
    routing_present: u1 = preset("zero here", 0, wireshark="gre.flags.routing")
    key_present: u1 = preset("one here", 1, wireshark="gre.flags.key")
    sequence_present: u1 = preset("a sequence number follows: there is data", 0, wireshark="gre.flags.sequence_number")
    strict_source_route: u1 = preset("zero here", 0, wireshark="gre.flags.strict_source_route")
    recursion: u3 = preset("zero here", 0, wireshark="gre.flags.recursion_control")
    acknowledgment_present: u1 = preset("an acknowledgment number follows", 0, wireshark="gre.flags.ack")
    reserved: u4 = preset("zero", 0, wireshark="gre.flags.reserved")
    version: u3 = preset("1, or it is plain GRE", 1, expect=1, wireshark="gre.flags.version")
    protocol: u16 = preset("which protocol is inside: PPP", 0x880B, base="hex", values=INSIDE, wireshark="gre.proto")
    payload_length: u16 = auto.length("bytes of the PPP frame, this header not counted", counts="body",
                                      wireshark="gre.key.payload_length", unit=1)  # fmt: skip
    call: u16 = field("which call, by the receiver's number", wireshark="gre.key.call_id")
    sequence: u32 = preset("number of this packet", 0, when=_has_sequence, wireshark="gre.sequence_number")
    acknowledgment: u32 = preset("number of the newest packet that arrived", 0, when=_has_acknowledgment,
                                 wireshark="gre.ack_number")  # fmt: skip


class GRE(
    Header,
    ref="RFC 2784 section 2",
    rides={IPv4: 47, IPv6: 47},
    carries_like=Ethernet,
    variant=_is_pptp,
    opaque="routing_present",
    wireshark="gre",
):
    """A tunnel: carries packets of any protocol between two hosts as if a cable joined them."""

    checksum_present: u1 = preset("a checksum follows", 0, wireshark="gre.flags.checksum")
    routing_present: u1 = preset("source routes follow (RFC 1701); no longer used", 0, wireshark="gre.flags.routing")
    key_present: u1 = preset("a key follows", 0, wireshark="gre.flags.key")
    sequence_present: u1 = preset("a sequence number follows", 0, wireshark="gre.flags.sequence_number")
    strict_source_route: u1 = preset("zero; once for source routes", 0, wireshark="gre.flags.strict_source_route")
    recursion: u3 = preset("zero; once how often this may be put into further tunnels", 0,
                           wireshark="gre.flags.recursion_control")  # fmt: skip
    acknowledgment_present: u1 = preset("zero here; PPTP uses it", 0, unnamed="Wireshark names it in PPTP's form only")
    reserved: u4 = preset("zero", 0, wireshark="gre.flags.reserved")
    version: u3 = preset("0, or it is PPTP's form of GRE", 0, expect=0, wireshark="gre.flags.version")
    protocol: u16 = auto.next_protocol("which protocol is inside, as an EtherType", otherwise=0x88B5, base="hex",
                                       values=INSIDE, wireshark="gre.proto")  # fmt: skip
    checksum: u16 = auto.checksum("finds damage to this header and to the packet inside", over="message",
                                  when=_has_checksum, wireshark="gre.checksum")  # fmt: skip
    offset: u16 = preset("zero; once where the next stop of a source route stands", 0, when=_has_checksum,
                         wireshark="gre.offset")  # fmt: skip
    key: u32 = preset("tells the tunnels between two hosts apart", 0, base="hex", when=_has_key, wireshark="gre.key",
                      ref="RFC 2890")  # fmt: skip
    sequence: u32 = preset("number of this packet, so that late ones can be dropped", 0, when=_has_sequence,
                           wireshark="gre.sequence_number", ref="RFC 2890")  # fmt: skip


Ethernet.ride_on(GRE, 0x6558)  # whole frames in a tunnel: "transparent Ethernet bridging"
