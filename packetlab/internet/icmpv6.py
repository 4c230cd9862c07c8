"""ICMPv6: errors and echo (RFC 4443), neighbour discovery (RFC 4861) and multicast listeners (RFC 2710, 3810).

What ARP, router discovery and IGMP do for IPv4 is all done by ICMPv6 messages here.
"""

from packetlab.internet.ipv6 import IPv6
from packetlab.model.fields import (
    auto,
    field,
    ipv6,
    items,
    mac,
    octets,
    preset,
    u1,
    u2,
    u3,
    u6,
    u8,
    u16,
    u29,
    u32,
)  # fmt: skip
from packetlab.model.header import Header

TYPES = {
    1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem",
    128: "echo request", 129: "echo reply", 130: "multicast listener query", 131: "multicast listener report",
    132: "multicast listener done", 133: "router solicitation", 134: "router advertisement",
    135: "neighbour solicitation", 136: "neighbour advertisement", 137: "redirect",
    143: "multicast listener report v2",
}  # fmt: skip
UNREACHABLE = {
    0: "no route", 1: "prohibited: a firewall says no", 2: "beyond the scope of the source address",
    3: "address unreachable: nobody answers there", 4: "port unreachable: no process listens there",
    5: "source address failed policy", 6: "route rejected",
}  # fmt: skip
NO_NUMBER = "Wireshark shows it as reserved"


class ICMPv6(Header, ref="RFC 4443 section 2.1", rides={IPv6: 58}, family="type", wireshark="icmpv6"):
    """Tells a sender what became of its packet, finds neighbours and routers, or asks whether a host is there."""

    type: u8 = auto.key("what kind of message; errors are below 128", wireshark="icmpv6.type", values=TYPES)
    code: u8 = preset("what exactly, within its type", 0, wireshark="icmpv6.code")
    checksum: u16 = auto.checksum(over="pseudo", wireshark="icmpv6.checksum")


class DestinationUnreachable6(ICMPv6, key=1, quotes=IPv6, name="icmpv6.unreachable", ref="RFC 4443 section 3.1"):
    """The packet could not be delivered; the code says why, the quote which packet."""

    code: u8 = preset("why it could not be delivered", 0, wireshark="icmpv6.code", values=UNREACHABLE)
    checksum: u16 = auto.checksum(over="pseudo", wireshark="icmpv6.checksum")
    unused: u32 = preset("zero", 0, unnamed=NO_NUMBER)


class PacketTooBig(ICMPv6, key=2, quotes=IPv6, name="icmpv6.too_big", ref="RFC 4443 section 3.2"):
    """The packet does not fit the next link, and routers never cut IPv6 packets."""

    mtu: u32 = preset("the largest packet that fits", 1280, wireshark="icmpv6.mtu", unit="bytes")


class TimeExceeded6(ICMPv6, key=3, quotes=IPv6, name="icmpv6.time_exceeded", ref="RFC 4443 section 3.3"):
    """The packet lived too long: traceroute is made of these."""

    unused: u32 = preset("zero", 0, unnamed=NO_NUMBER)


class ParameterProblem6(ICMPv6, key=4, quotes=IPv6, name="icmpv6.parameter_problem", ref="RFC 4443 section 3.4"):
    """A field of the packet made no sense."""

    pointer: u32 = preset("at which byte of it", 0, wireshark="icmpv6.pointer")


class EchoRequest6(ICMPv6, key=128, name="icmpv6.echo_request", ref="RFC 4443 section 4.1"):
    """Asks a host to send the same data back."""

    identifier: u16 = preset("tells one ping from another", 0, base="hex", wireshark="icmpv6.echo.identifier")
    sequence: u16 = preset("counts this ping's requests", 0, wireshark="icmpv6.echo.sequence_number")


class EchoReply6(ICMPv6, key=129, name="icmpv6.echo_reply", ref="RFC 4443 section 4.2"):
    """Gives the data of a request back."""

    identifier: u16 = preset("the request's", 0, base="hex", wireshark="icmpv6.echo.identifier")
    sequence: u16 = preset("the request's", 0, wireshark="icmpv6.echo.sequence_number")


# ---------------------------------------------------------------- neighbour discovery


class NDPOption(Header, ref="RFC 4861 section 4.6", family="type", name="icmpv6.option"):
    """One option of a neighbour discovery message."""

    type: u8 = auto.key("which option", wireshark="icmpv6.opt.type",
                        values={1: "source link-layer address", 2: "target link-layer address", 3: "prefix",
                                4: "redirected packet", 5: "MTU", 14: "nonce", 24: "route", 25: "DNS servers",
                                31: "DNS search list"})  # fmt: skip
    length: u8 = auto.length("of the whole option, in units of 8 bytes", counts="header", unit=8,
                             wireshark="icmpv6.opt.length")  # fmt: skip


class SourceLinkLayerAddress(NDPOption, key=1, name="icmpv6.option.source"):
    """The sender's MAC address."""

    address: mac = field("the MAC address of whoever sent this", wireshark="icmpv6.opt.linkaddr")


class TargetLinkLayerAddress(NDPOption, key=2, name="icmpv6.option.target"):
    """The MAC address that belongs to the target."""

    address: mac = field("the MAC address that was asked for", wireshark="icmpv6.opt.linkaddr")


class PrefixInformation(NDPOption, key=3, name="icmpv6.option.prefix", ref="RFC 4861 section 4.6.2"):
    """A prefix of this link, from which hosts make their addresses."""

    prefix_length: u8 = preset("bits that count", 64, wireshark="icmpv6.opt.prefix.length")
    on_link: u1 = preset("addresses with this prefix are neighbours", 1, wireshark="icmpv6.opt.prefix.flag.l")
    autonomous: u1 = preset("hosts may make an address of it", 1, wireshark="icmpv6.opt.prefix.flag.a")
    reserved: u6 = preset("zero", 0, unnamed=NO_NUMBER)
    valid_lifetime: u32 = preset("how long it is right", 86400, unit="s", wireshark="icmpv6.opt.prefix.valid_lifetime")
    preferred_lifetime: u32 = preset("how long new connections should use it", 14400, unit="s",
                                     wireshark="icmpv6.opt.prefix.preferred_lifetime")  # fmt: skip
    reserved_too: u32 = preset("zero", 0, unnamed=NO_NUMBER)
    prefix: ipv6 = field("the prefix", wireshark="icmpv6.opt.prefix")


class MTUOption(NDPOption, key=5, name="icmpv6.option.mtu", ref="RFC 4861 section 4.6.4"):
    """The largest packet of this link."""

    reserved: u16 = preset("zero", 0, unnamed=NO_NUMBER)
    mtu: u32 = preset("the largest packet", 1500, unit="bytes", wireshark="icmpv6.opt.mtu")


def _options() -> tuple[NDPOption, ...]:
    return items("addresses, prefixes, sizes", NDPOption, lazy=True, unnamed="Wireshark names each option")  # type: ignore[no-any-return]


class RouterSolicitation6(ICMPv6, key=133, name="icmpv6.router_solicitation", ref="RFC 4861 section 4.1"):
    """Asks the routers of this link to show themselves."""

    reserved: u32 = preset("zero", 0, unnamed=NO_NUMBER)
    options: tuple[NDPOption, ...] = _options()


class RouterAdvertisement6(ICMPv6, key=134, name="icmpv6.router_advertisement", ref="RFC 4861 section 4.2"):
    """A router says who it is, which prefixes this link has, and how hosts get their addresses."""

    hop_limit: u8 = preset("what hosts should send with; 0: no advice", 64, wireshark="icmpv6.nd.ra.cur_hop_limit")
    managed: u1 = preset("addresses come from DHCPv6", 0, wireshark="icmpv6.nd.ra.flag.m")
    other: u1 = preset("other settings come from DHCPv6", 0, wireshark="icmpv6.nd.ra.flag.o")
    home_agent: u1 = preset("the router is a mobile home agent", 0, wireshark="icmpv6.nd.ra.flag.h")
    preference: u2 = preset("among several routers", 0, wireshark="icmpv6.nd.ra.flag.prf", ref="RFC 4191",
                            values={0: "medium", 1: "high", 3: "low"})  # fmt: skip
    reserved: u3 = preset("zero", 0, unnamed=NO_NUMBER)
    lifetime: u16 = preset("how long it is a default router; 0: not at all", 1800, unit="s",
                           wireshark="icmpv6.nd.ra.router_lifetime")  # fmt: skip
    reachable_time: u32 = preset("how long a neighbour counts as reachable", 0, unit="ms",
                                 wireshark="icmpv6.nd.ra.reachable_time")  # fmt: skip
    retransmit_timer: u32 = preset("between two solicitations", 0, unit="ms", wireshark="icmpv6.nd.ra.retrans_timer")
    options: tuple[NDPOption, ...] = _options()


class NeighbourSolicitation(ICMPv6, key=135, name="icmpv6.neighbour_solicitation", ref="RFC 4861 section 4.3"):
    """Asks who has an address: what an ARP request is for IPv4."""

    reserved: u32 = preset("zero", 0, unnamed=NO_NUMBER)
    target: ipv6 = field("the address in question", wireshark="icmpv6.nd.ns.target_address")
    options: tuple[NDPOption, ...] = _options()


class NeighbourAdvertisement(ICMPv6, key=136, name="icmpv6.neighbour_advertisement", ref="RFC 4861 section 4.4"):
    """Says who has an address: what an ARP reply is for IPv4."""

    router: u1 = preset("the sender is a router", 0, wireshark="icmpv6.nd.na.flag.r")
    solicited: u1 = preset("this answers a question", 0, wireshark="icmpv6.nd.na.flag.s")
    override: u1 = preset("replace what you remember", 0, wireshark="icmpv6.nd.na.flag.o")
    reserved: u29 = preset("zero", 0, unnamed=NO_NUMBER)
    target: ipv6 = field("the address that is meant", wireshark="icmpv6.nd.na.target_address")
    options: tuple[NDPOption, ...] = _options()


class Redirect6(ICMPv6, key=137, name="icmpv6.redirect", ref="RFC 4861 section 4.5"):
    """There is a better first hop for this destination."""

    reserved: u32 = preset("zero", 0, unnamed=NO_NUMBER)
    target: ipv6 = field("the better first hop", wireshark="icmpv6.nd.rd.target_address")
    destination: ipv6 = field("for this destination", wireshark="icmpv6.rd.na.destination_address")
    options: tuple[NDPOption, ...] = _options()


# ---------------------------------------------------------------- multicast listeners


class MulticastListener(ICMPv6, key=(130, 131, 132), name="icmpv6.mld", ref="RFC 2710 section 3"):
    """Routers ask who listens to a group, hosts answer, and say goodbye."""

    maximum_response_delay: u16 = preset("how long an answer may take", 0, unit="ms",
                                         wireshark="icmpv6.mld.maximum_response_delay")  # fmt: skip
    reserved: u16 = preset("zero", 0, unnamed=NO_NUMBER)
    group: ipv6 = preset("the group, or :: for all", bytes(16), wireshark="icmpv6.mld.multicast_address")


class MulticastAddressRecord(Header, ref="RFC 3810 section 5.2.5", name="icmpv6.mld.record"):
    """What a host listens to of one group."""

    kind: u8 = preset("how the list of sources is meant", 4, wireshark="icmpv6.mldr.mar.record_type",
                      values={1: "include", 2: "exclude", 3: "change to include", 4: "change to exclude",
                              5: "allow new sources", 6: "block old sources"})  # fmt: skip
    auxiliary_length: u8 = auto.length("of the auxiliary data, in words of 32 bits", counts="fields:auxiliary", unit=4,
                                       wireshark="icmpv6.mldr.mar.aux_data_len")  # fmt: skip
    source_count: u16 = preset("how many sources follow", 0, wireshark="icmpv6.mldr.mar.nb_sources")
    group: ipv6 = field("the group", wireshark="icmpv6.mldr.mar.multicast_address")
    sources: bytes = octets("the sources, 16 bytes each", size=lambda h: h.source_count * 16,
                            wireshark="icmpv6.mldr.mar.source_address")  # fmt: skip
    auxiliary: bytes = octets("unused so far", size=lambda h: h.auxiliary_length * 4,
                              wireshark="icmpv6.mldr.mar.auxiliary_data")  # fmt: skip


class MulticastListenerReport2(ICMPv6, key=143, name="icmpv6.mld2_report", ref="RFC 3810 section 5.2"):
    """A host says which groups it listens to."""

    reserved: u16 = preset("zero", 0, unnamed=NO_NUMBER)
    count: u16 = auto.count("how many records follow", of="records", wireshark="icmpv6.mldr.nb_mcast_records")
    records: tuple[MulticastAddressRecord, ...] = items("one for each group", MulticastAddressRecord, count="count",
                                                        unnamed="Wireshark names their fields")  # fmt: skip
