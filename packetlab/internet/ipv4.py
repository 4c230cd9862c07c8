"""IPv4: from any host to any other, over as many links as it takes (RFC 791)."""

from typing import Any

from packetlab.link.ethernet import Ethernet
from packetlab.link.loopback import Null
from packetlab.model.fields import auto, field, ipv4, items, octets, preset, u1, u2, u4, u6, u8, u13, u16
from packetlab.model.header import ANY, Header

IP_PROTOCOLS = {
    0: "IPv6 hop-by-hop options",
    1: "ICMP",
    2: "IGMP",
    4: "IPv4 in IP",
    6: "TCP",
    17: "UDP",
    41: "IPv6 in IP",
    43: "IPv6 routing header",
    44: "IPv6 fragment header",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    59: "nothing follows",
    60: "IPv6 destination options",
    88: "EIGRP",
    89: "OSPF",
    103: "PIM",
    112: "VRRP",
    115: "L2TP",
    132: "SCTP",
    253: "experiment 1",
    254: "experiment 2",
}

DSCP_NAMES = {
    0: "CS0: best effort", 8: "CS1: low priority", 10: "AF11", 12: "AF12", 14: "AF13", 16: "CS2", 18: "AF21",
    20: "AF22", 22: "AF23", 24: "CS3", 26: "AF31", 28: "AF32", 30: "AF33", 32: "CS4", 34: "AF41", 36: "AF42",
    38: "AF43", 40: "CS5", 44: "VOICE-ADMIT", 46: "EF: expedited (voice)", 48: "CS6: network control", 56: "CS7",
}  # fmt: skip

ECN_NAMES = {
    0: "not ECN-capable", 1: "ECT(1): ECN-capable", 2: "ECT(0): ECN-capable", 3: "CE: congestion was met",
}  # fmt: skip


class IPv4Option(Header, ref="RFC 791 section 3.1", family="kind", name="ipv4.option"):
    """One option of an IPv4 header."""

    kind: u8 = auto.key(
        "which option; the top bit says that every fragment carries a copy", wireshark="ip.opt.type",
        values={0: "end of options", 1: "no operation", 7: "record route", 68: "timestamp", 130: "security",
                131: "loose source route", 137: "strict source route", 148: "router alert"},
    )  # fmt: skip


class IPv4EndOfOptions(IPv4Option, key=0, name="ipv4.option.end"):
    """Ends the list; zeros may follow up to the next multiple of four bytes."""


class IPv4NoOperation(IPv4Option, key=1, name="ipv4.option.nop"):
    """Fills a byte so that the next option is aligned."""


def _length() -> Any:
    return auto.length("of the whole option, in bytes", counts="header", wireshark="ip.opt.len", unit=1)


class IPv4LongOption(IPv4Option, key=ANY, name="ipv4.option.other"):
    """An option with a length, of a kind packetlab does not know better."""

    length: u8 = _length()
    data: bytes = octets("what the option says", unnamed="depends on the option")


class IPv4RouteAddress(Header, ref="RFC 791 section 3.1", name="ipv4.option.route.address"):
    """One place in a list of places; zeros where none is filled in yet."""

    address: ipv4 = field("a router or host on the way", unnamed="Wireshark's name for it depends on the list")


def _pointer() -> Any:
    return preset("where the next place stands, counted in bytes from the option's first, which is 1", 4,
                  wireshark="ip.opt.ptr")  # fmt: skip


def _route(text: str) -> Any:
    return items(text, IPv4RouteAddress, unnamed="Wireshark names each address")


class RecordRoute(IPv4Option, key=7, name="ipv4.option.record_route"):
    """Asks each router on the way to write its address into the packet; few still do."""

    length: u8 = _length()
    pointer: u8 = _pointer()
    addresses: tuple[IPv4RouteAddress, ...] = _route("where the packet has been; zeros are still to be filled in")


class LooseSourceRoute(IPv4Option, key=131, name="ipv4.option.loose_source_route"):
    """Places that the packet must visit, whatever lies between them; refused nearly everywhere."""

    length: u8 = _length()
    pointer: u8 = _pointer()
    addresses: tuple[IPv4RouteAddress, ...] = _route("places to visit; those before the pointer have been")


class StrictSourceRoute(IPv4Option, key=137, name="ipv4.option.strict_source_route"):
    """Places that the packet must visit, with nothing between them; refused nearly everywhere."""

    length: u8 = _length()
    pointer: u8 = _pointer()
    addresses: tuple[IPv4RouteAddress, ...] = _route("places to visit; those before the pointer have been")


class IPv4Timestamp(IPv4Option, key=68, name="ipv4.option.timestamp"):
    """Asks each router on the way to write down when the packet passed."""

    length: u8 = _length()
    pointer: u8 = preset("where the next entry stands, counted in bytes from the option's first, which is 1", 5,
                         wireshark="ip.opt.ptr")  # fmt: skip
    overflow: u4 = preset("routers that found no room any more", 0, wireshark="ip.opt.overflow")
    flag: u4 = preset(
        "what is written down", 0, wireshark="ip.opt.flag",
        values={0: "times only", 1: "addresses and times", 3: "times of the addresses given"},
    )  # fmt: skip
    entries: bytes = octets("times in milliseconds since midnight UTC, 4 bytes each, or address and time in turn",
                            unnamed="Wireshark names times and addresses one by one")  # fmt: skip


class IPv4RouterAlert(IPv4Option, key=148, ref="RFC 2113", name="ipv4.option.router_alert"):
    """Asks routers on the way to look into the packet although it is not for them."""

    length: u8 = _length()
    value: u16 = preset("0: every router should look", 0, wireshark="ip.opt.ra")


class IPv4(
    Header,
    ref="RFC 791 section 3.1",
    rides={Ethernet: 0x0800, Null: 2},
    link_types=(228,),
    pseudo=("src", "dst"),
    opaque="fragment_offset",
    wireshark="ip",
):
    """Carries data from any host to any other; promises neither delivery nor order."""

    version: u4 = preset("4, or this is no IPv4", 4, expect=4, wireshark="ip.version")
    header_length: u4 = auto.length(
        "of this header, in words of 32 bits; more than 5 means options", counts="header", unit=4,
        wireshark="ip.hdr_len", scale=4,
    )  # fmt: skip
    dscp: u6 = preset(
        "how routers should treat it when they must choose", 0, wireshark="ip.dsfield.dscp", values=DSCP_NAMES,
        ref="RFC 2474",
    )  # fmt: skip
    ecn: u2 = preset(
        "whether congestion may be marked instead of dropping, and whether it was", 0, wireshark="ip.dsfield.ecn",
        values=ECN_NAMES, ref="RFC 3168",
    )  # fmt: skip
    total_length: u16 = auto.length(
        "header and data, in bytes", counts="header+body", zero_is_rest=True, wireshark="ip.len", unit=1
    )
    identification: u16 = preset(
        "the same in all fragments of one datagram, so that they can be put together", 0, wireshark="ip.id", base="hex",
        ref="RFC 6864",
    )  # fmt: skip
    reserved: u1 = preset("must be zero", 0, wireshark="ip.flags.rb")
    dont_fragment: u1 = preset("routers must not cut this datagram; one that is too large comes back as an error",
                               0, wireshark="ip.flags.df")  # fmt: skip
    more_fragments: u1 = preset("this is a fragment, and not the last", 0, wireshark="ip.flags.mf")
    fragment_offset: u13 = preset(
        "where this fragment belongs in the datagram, in units of 8 bytes", 0, wireshark="ip.frag_offset", scale=8
    )
    ttl: u8 = preset("hops it may still take; each router takes one off, and drops it at zero", 64,
                     wireshark="ip.ttl")  # fmt: skip
    protocol: u8 = auto.next_protocol(
        "which protocol is inside", otherwise=253, wireshark="ip.proto", values=IP_PROTOCOLS
    )
    checksum: u16 = auto.checksum("finds damage to this header; every router renews it", over="header",
                                  wireshark="ip.checksum")  # fmt: skip
    src: ipv4 = field("the host that sent it", wireshark="ip.src", also=("ip.addr",))
    dst: ipv4 = field("the host it is for", wireshark="ip.dst", also=("ip.addr",))
    options: tuple[IPv4Option, ...] = items(
        "rarely used extras", IPv4Option, pad=4, stop=IPv4EndOfOptions, lazy=True, unnamed="Wireshark names each option"
    )


IPv4.ride_on(IPv4, 4)  # IP in IP: RFC 2003
