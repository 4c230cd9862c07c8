"""IPv6 and its extension headers: from any host to any other, with addresses for everyone (RFC 8200).

The header is of fixed size; what IPv4 put into options and fragment fields are headers of their own here, each
naming the next. Their numbers are those of IPv4's protocols - one registry of IANA - so all of them share
IPv4's table. Lists of options are padded to multiples of 8 bytes with Pad1 and PadN, which are options too.
"""

from typing import Any

from packetlab.internet.ipv4 import DSCP_NAMES, ECN_NAMES, IP_PROTOCOLS, IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.link.loopback import Null
from packetlab.model.fault import Fault
from packetlab.model.fields import (
    Items,
    NeedMore,
    Unpadded,
    auto,
    field,
    ipv6,
    items,
    octets,
    preset,
    u1,
    u2,
    u4,
    u6,
    u8,
    u13,
    u16,
    u20,
    u32,
    variable,
)  # fmt: skip
from packetlab.model.header import ANY, Header


def _next_header() -> Any:
    return auto.next_protocol(
        "which header or protocol follows", otherwise=59, wireshark="ipv6.nxt", values=IP_PROTOCOLS
    )


class IPv6(
    Header,
    ref="RFC 8200 section 3",
    rides={Ethernet: 0x86DD, IPv4: 41, Null: (30, 24, 28, 10)},
    link_types=(229,),
    carries_like=IPv4,
    pseudo=("src", "dst"),
    wireshark="ipv6",
):
    """Carries data from any host to any other; promises neither delivery nor order, and routers never cut it."""

    version: u4 = preset("6, or this is no IPv6", 6, expect=6, wireshark="ipv6.version",
                         also=("ip.version",))  # fmt: skip
    dscp: u6 = preset("how routers should treat it when they must choose", 0, wireshark="ipv6.tclass.dscp",
                      values=DSCP_NAMES, ref="RFC 2474")  # fmt: skip
    ecn: u2 = preset("whether congestion may be marked instead of dropping, and whether it was", 0,
                     wireshark="ipv6.tclass.ecn", values=ECN_NAMES, ref="RFC 3168")  # fmt: skip
    flow_label: u20 = preset("the same in all packets of one flow, so that routers keep them on one path", 0,
                             base="hex", wireshark="ipv6.flow", ref="RFC 6437")  # fmt: skip
    payload_length: u16 = auto.length(
        "bytes behind this header, extension headers included; 0 in a jumbogram", counts="body", zero_is_rest=True,
        wireshark="ipv6.plen", unit=1,
    )  # fmt: skip
    next_header: u8 = _next_header()
    hop_limit: u8 = preset("hops it may still take; each router takes one off, and drops it at zero", 64,
                           wireshark="ipv6.hlim")  # fmt: skip
    src: ipv6 = field("the host that sent it", wireshark="ipv6.src", also=("ipv6.addr",))
    dst: ipv6 = field("the host it is for, or, with a routing header, the next stop on the way", wireshark="ipv6.dst",
                      also=("ipv6.addr",))  # fmt: skip

    def pseudo_sum(self, layers: tuple[Header, ...], index: int) -> int:
        """Final destination (RFC 8200 section 8.1) and home address (RFC 6275 section 11.3.1) count, not stops."""
        first = last = None
        for header in layers[index + 1 :]:
            if header.pseudo:
                break
            if isinstance(header, Routing):
                last = header.final_destination() or last
            elif isinstance(header, DestinationOptions):
                homes = [one.address for one in header.options or () if isinstance(one, HomeAddress) and not one.is_cut]
                first = homes[0] if homes else first
        return int.from_bytes(first or self.src, "big") + int.from_bytes(last or self.dst, "big")


# ---------------------------------------------------------------- options


class IPv6Option(Header, ref="RFC 8200 section 4.2", family="kind", name="ipv6.option"):
    """One option of a hop-by-hop or destination options header."""

    kind: u8 = auto.key(
        "which option; the top two bits say what to do with one that is not known (skip it, or drop the packet, "
        "with or without an ICMPv6 error), the third whether routers may change it", base="hex",
        wireshark="ipv6.opt.type",
        values={0: "Pad1", 1: "PadN", 4: "tunnel encapsulation limit", 5: "router alert", 0x07: "CALIPSO",
                0x26: "quick start", 0x30: "path MTU record", 0x0F: "performance metrics", 0x23: "RPL (new)",
                0x63: "RPL", 0x6D: "MPL", 0x8A: "endpoint identification", 0xC2: "jumbo payload",
                0xC9: "home address"},
    )  # fmt: skip


class Pad1(IPv6Option, key=0, name="ipv6.option.pad1"):
    """One byte of padding; the only option without a length."""


def _option_length() -> Any:
    return auto.length("of the option's data, in bytes", counts="after", wireshark="ipv6.opt.length", unit=1)


class LongIPv6Option(IPv6Option, key=ANY, name="ipv6.option.other"):
    """An option of a kind packetlab does not know better."""

    length: u8 = _option_length()
    data: bytes = octets("what the option says", unnamed="depends on the option")


class PadN(IPv6Option, key=1, name="ipv6.option.padn"):
    """Two or more bytes of padding."""

    length: u8 = _option_length()
    zeros: bytes = octets("padding; zero", wireshark="ipv6.opt.padn")


class TunnelEncapsulationLimit(IPv6Option, key=4, ref="RFC 2473 section 4.1.1", name="ipv6.option.tunnel_limit"):
    """How many more tunnels may be put around this packet."""

    length: u8 = _option_length()
    limit: u8 = field("tunnels that may still be put around it", wireshark="ipv6.opt.tel")


class IPv6RouterAlert(IPv6Option, key=5, ref="RFC 2711", name="ipv6.option.router_alert"):
    """Asks routers on the way to look into the packet although it is not for them."""

    length: u8 = _option_length()
    value: u16 = preset("why they should", 0, wireshark="ipv6.opt.router_alert",
                        values={0: "MLD: multicast listeners", 1: "RSVP", 2: "active networks"})  # fmt: skip


class JumboPayload(IPv6Option, key=0xC2, ref="RFC 2675 section 2", name="ipv6.option.jumbo"):
    """The true length of a packet that is too long for 16 bits."""

    length: u8 = _option_length()
    payload_length: u32 = field("bytes behind the IPv6 header; more than 65535", wireshark="ipv6.opt.jumbo")


class HomeAddress(IPv6Option, key=0xC9, ref="RFC 6275 section 6.3", name="ipv6.option.home_address"):
    """The lasting address of a mobile host that sends from somewhere else."""

    length: u8 = _option_length()
    address: ipv6 = field("where the sender is at home", wireshark="ipv6.opt.mipv6.home_address")


class _Options(Items):
    """Options, padded so that with the two bytes before them they fill multiples of 8 bytes."""

    AHEAD = 2

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[Any, int]:
        found, at = super().take(data, pos, end, header, faults)
        return (Unpadded(found) if (at - pos + self.AHEAD) % 8 else found), at

    def build(self, value: Any, header: Any) -> bytes:
        data = super().build(value, header)
        gap = 0 if type(value) is Unpadded else -(len(data) + self.AHEAD) % 8
        if gap < 2:
            return data + bytes(gap)
        return data + PadN(zeros=bytes(gap - 2)).encode()


def _options(text: str) -> Any:
    return variable(text, _Options(IPv6Option, None, 1, None, None, False), unnamed="Wireshark names each option")


def _header_length(wireshark: str) -> Any:
    return auto.length("of this header, in units of 8 bytes, the first 8 not counted", counts="header", unit=8, plus=8,
                       wireshark=wireshark)  # fmt: skip


class HopByHop(
    Header, ref="RFC 8200 section 4.3", rides={IPv6: 0}, carries_like=IPv4, name="hop_by_hop",
    wireshark="ipv6.hopopts",
):  # fmt: skip
    """Options for every router on the way; always the first extension header."""

    next_header: u8 = auto.next_protocol("which header or protocol follows", otherwise=59, values=IP_PROTOCOLS,
                                         wireshark="ipv6.hopopts.nxt")  # fmt: skip
    header_length: u8 = _header_length("ipv6.hopopts.len")
    options: tuple[IPv6Option, ...] = _options("what routers should know")


class DestinationOptions(
    Header, ref="RFC 8200 section 4.6", rides={IPv6: 60}, carries_like=IPv4, name="destination_options",
    wireshark="ipv6.dstopts",
):  # fmt: skip
    """Options for the host that the packet is for."""

    next_header: u8 = auto.next_protocol("which header or protocol follows", otherwise=59, values=IP_PROTOCOLS,
                                         wireshark="ipv6.dstopts.nxt")  # fmt: skip
    header_length: u8 = _header_length("ipv6.dstopts.len")
    options: tuple[IPv6Option, ...] = _options("what the destination should know")


# ---------------------------------------------------------------- routing


class Routing(
    Header, ref="RFC 8200 section 4.4", rides={IPv6: 43}, carries_like=IPv4, family="type", name="routing",
    wireshark="ipv6.routing",
):  # fmt: skip
    """Places that the packet must visit on its way."""

    next_header: u8 = auto.next_protocol("which header or protocol follows", otherwise=59, values=IP_PROTOCOLS,
                                         wireshark="ipv6.routing.nxt")  # fmt: skip
    header_length: u8 = _header_length("ipv6.routing.len")
    type: u8 = auto.key(
        "which kind of route", wireshark="ipv6.routing.type",
        values={0: "source route (forbidden by RFC 5095)", 2: "mobile IPv6", 3: "RPL source route",
                4: "segment routing (SRH)", 5: "compact, 16 bits", 6: "compact, 32 bits"},
    )  # fmt: skip
    segments_left: u8 = preset("places still to be visited", 0, wireshark="ipv6.routing.segleft")

    def final_destination(self) -> bytes | None:
        """Where the packet will end up, if that is not yet in the IPv6 header; None if it is, or is not known."""
        return None


class OtherRouting(Routing, key=ANY, name="routing_other"):
    """A route of a kind packetlab does not know better."""

    data: bytes = octets("what this kind of route says", unnamed="depends on the type")


class SourceRouteHop(Header, ref="RFC 8200 section 4.4", name="routing_source.hop"):
    """One place of a source route."""

    address: ipv6 = field("a place to visit", wireshark="ipv6.routing.src.addr")


class SourceRouting(Routing, key=0, ref="RFC 5095", name="routing_source"):
    """Type 0: the sender names every stop. Forbidden, because packets could be sent to and fro without end."""

    reserved: u32 = preset("zero", 0, base="hex", wireshark="ipv6.routing.src.reserved")
    addresses: tuple[SourceRouteHop, ...] = items("places to visit, the last is the destination", SourceRouteHop,
                                                  unnamed="Wireshark names each address")  # fmt: skip

    def final_destination(self) -> bytes | None:
        return _address(self.addresses[-1:] if self.addresses else ()) if self.segments_left else None


class MobileRouting(Routing, key=2, ref="RFC 6275 section 6.4", name="routing_mobile"):
    """Type 2: leads a packet from where a mobile host is to its home address, inside that host."""

    reserved: u32 = preset("zero", 0, base="hex", wireshark="ipv6.routing.mipv6.reserved")
    home_address: ipv6 = field("the mobile host's lasting address", wireshark="ipv6.routing.mipv6.home_address")

    def final_destination(self) -> bytes | None:
        return self.home_address if self.segments_left and not self.is_cut else None


class RPLRouting(Routing, key=3, ref="RFC 6554 section 3", name="routing_rpl"):
    """Type 3: a source route in a network of small devices, addresses without their common beginning."""

    prefix_left_out: u4 = preset("bytes left out at the front of all addresses but the last", 0,
                                 wireshark="ipv6.routing.rpl.cmprI")  # fmt: skip
    last_prefix_left_out: u4 = preset("bytes left out at the front of the last address", 0,
                                      wireshark="ipv6.routing.rpl.cmprE")  # fmt: skip
    padding: u4 = preset("bytes of padding behind the addresses", 0, wireshark="ipv6.routing.rpl.pad")
    reserved: u20 = preset("zero", 0, base="hex", wireshark="ipv6.routing.rpl.reserved")
    addresses: bytes = octets("places to visit, shortened", unnamed="Wireshark names each address")

    def final_destination(self) -> bytes | None:
        return None  # needs the left-out bytes of the address in the IPv6 header


class Segment(Header, ref="RFC 8754 section 2", name="routing_segments.segment"):
    """One instruction of a segment route."""

    address: ipv6 = field("a place to visit and, in its low bits, often what to do there",
                          wireshark="ipv6.routing.srh.addr")  # fmt: skip


class _Segments(Items):
    """As many as `last_entry` says, plus one."""

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[Any, int]:
        size = 16 * (header.last_entry + 1)
        if pos + size > end:
            raise NeedMore(size, end - pos)
        return super().take(data, pos, pos + size, header, faults)


class SegmentRouting(Routing, key=4, ref="RFC 8754 section 2", name="routing_segments"):
    """Type 4 (SRv6): a network's own programme of places, the last to visit first in the list."""

    last_entry: u8 = auto.length("index of the last segment in the list", counts="fields:segments", unit=16, plus=16,
                                 wireshark="ipv6.routing.srh.last_entry")  # fmt: skip
    flags: u8 = preset("none is in use", 0, base="hex", wireshark="ipv6.routing.srh.flags")
    tag: u16 = preset("packets that belong together", 0, base="hex", wireshark="ipv6.routing.srh.tag")
    segments: tuple[Segment, ...] = variable(
        "places to visit, in reverse order", _Segments(Segment, None, 1, None, None, False),
        default=(Segment(address=bytes(16)),), unnamed="Wireshark names each address",
    )  # fmt: skip
    extras: bytes = octets("further data as type, length and value", unnamed="depends on their types")

    def final_destination(self) -> bytes | None:
        return _address(self.segments[:1] if self.segments else ()) if self.segments_left else None


def _address(found: tuple[Any, ...]) -> bytes | None:
    return next((one.address for one in found if type(getattr(one, "address", None)) is bytes), None)


# ---------------------------------------------------------------- fragment


class Fragment(
    Header, ref="RFC 8200 section 4.5", rides={IPv6: 44}, carries_like=IPv4, opaque="fragment_offset",
    name="ipv6_fragment", wireshark="ipv6.fraghdr",
):  # fmt: skip
    """This is a part of a packet that was too large for the path; only the sender cuts, never a router."""

    next_header: u8 = auto.next_protocol("which header or protocol follows in the whole packet", otherwise=59,
                                         values=IP_PROTOCOLS, wireshark="ipv6.fraghdr.nxt")  # fmt: skip
    reserved: u8 = preset("zero", 0, base="hex", wireshark="ipv6.fraghdr.reserved_octet")
    fragment_offset: u13 = preset("where this part belongs in the whole, in units of 8 bytes", 0,
                                  wireshark="ipv6.fraghdr.offset")  # fmt: skip
    reserved_bits: u2 = preset("zero", 0, wireshark="ipv6.fraghdr.reserved_bits")
    more_fragments: u1 = preset("this is not the last part", 0, wireshark="ipv6.fraghdr.more")
    identification: u32 = preset("the same in all parts of one packet", 0, base="hex", wireshark="ipv6.fraghdr.ident")
