"""ICMP: what routers and hosts tell senders about their packets, and ping's echo (RFC 792)."""

from packetlab.internet.ipv4 import IPv4
from packetlab.model.fields import auto, field, ipv4, preset, u8, u16, u32
from packetlab.model.header import Header

TYPES = {
    0: "echo reply", 3: "destination unreachable", 4: "source quench", 5: "redirect", 8: "echo request",
    9: "router advertisement", 10: "router solicitation", 11: "time exceeded", 12: "parameter problem",
    13: "timestamp request", 14: "timestamp reply", 17: "address mask request", 18: "address mask reply",
    42: "extended echo request", 43: "extended echo reply",
}  # fmt: skip

UNREACHABLE = {
    0: "network unreachable: a router has no route", 1: "host unreachable: nobody answers there",
    2: "protocol unreachable", 3: "port unreachable: no process listens there",
    4: "fragmentation needed, but it is forbidden (DF)", 5: "source route failed", 6: "network unknown",
    7: "host unknown", 8: "source host isolated", 9: "network prohibited", 10: "host prohibited",
    11: "network unreachable for this service", 12: "host unreachable for this service",
    13: "prohibited: a firewall says no", 14: "host precedence violation", 15: "precedence cutoff",
}  # fmt: skip
EXCEEDED = {0: "TTL reached zero on the way", 1: "fragments did not all arrive in time"}


class ICMP(Header, ref="RFC 792", rides={IPv4: 1}, family="type", wireshark="icmp"):
    """Tells a sender what became of its packet, or asks whether a host is there."""

    type: u8 = auto.key("what kind of message", wireshark="icmp.type", values=TYPES)
    code: u8 = preset("what exactly, within its type", 0, wireshark="icmp.code")
    checksum: u16 = auto.checksum(over="message", wireshark="icmp.checksum")


class EchoRequest(ICMP, key=8, name="icmp.echo_request"):
    """Asks a host to send the same data back."""

    identifier: u16 = preset("tells one ping from another", 0, wireshark="icmp.ident")
    sequence: u16 = preset("counts this ping's requests", 0, wireshark="icmp.seq")


class EchoReply(ICMP, key=0, name="icmp.echo_reply"):
    """Gives the data of a request back."""

    identifier: u16 = preset("the request's", 0, wireshark="icmp.ident")
    sequence: u16 = preset("the request's", 0, wireshark="icmp.seq")


class DestinationUnreachable(ICMP, key=3, quotes=IPv4, name="icmp.unreachable", ref="RFC 792, RFC 1191 section 4"):
    """The packet could not be delivered; the code says why, the quote which packet."""

    code: u8 = preset("why it could not be delivered", 0, wireshark="icmp.code", values=UNREACHABLE)
    checksum: u16 = auto.checksum(over="message", wireshark="icmp.checksum")
    unused: u8 = preset("zero", 0, unnamed="Wireshark shows it as unused")
    quote_length: u8 = preset("length of the quoted packet in words of 32 bits; 0 from older senders", 0,
                              wireshark="icmp.length", ref="RFC 4884 section 4.1")  # fmt: skip
    next_hop_mtu: u16 = preset("with code 4: the largest packet that fits the next link", 0, wireshark="icmp.mtu")


class SourceQuench(ICMP, key=4, quotes=IPv4, name="icmp.source_quench", ref="RFC 792, RFC 6633"):
    """Asked a sender to slow down; nobody sends it any more."""

    unused: u32 = preset("zero", 0, unnamed="Wireshark shows it as unused")


class Redirect(ICMP, key=5, quotes=IPv4, name="icmp.redirect"):
    """There is a better router on your own link."""

    gateway: ipv4 = field("that router", wireshark="icmp.redir_gw")


class TimeExceeded(ICMP, key=11, quotes=IPv4, name="icmp.time_exceeded", ref="RFC 792, RFC 4884"):
    """The packet lived too long: traceroute is made of these."""

    code: u8 = preset("what ran out", 0, wireshark="icmp.code", values=EXCEEDED)
    checksum: u16 = auto.checksum(over="message", wireshark="icmp.checksum")
    unused: u8 = preset("zero", 0, unnamed="Wireshark shows it as unused")
    quote_length: u8 = preset("length of the quoted packet in words of 32 bits; 0 from older senders", 0,
                              wireshark="icmp.length", ref="RFC 4884 section 4.2")  # fmt: skip
    unused_too: u16 = preset("zero", 0, unnamed="Wireshark shows it as unused")


class ParameterProblem(ICMP, key=12, quotes=IPv4, name="icmp.parameter_problem"):
    """A field of the packet made no sense."""

    pointer: u8 = preset("at which byte of it", 0, wireshark="icmp.pointer")
    quote_length: u8 = preset("length of the quoted packet in words of 32 bits", 0, wireshark="icmp.length",
                              ref="RFC 4884 section 4.3")  # fmt: skip
    unused: u16 = preset("zero", 0, unnamed="Wireshark shows it as unused")


class Timestamp(ICMP, key=(13, 14), name="icmp.timestamp"):
    """Asks for a host's clock, and answers."""

    identifier: u16 = preset("tells one asker from another", 0, wireshark="icmp.ident")
    sequence: u16 = preset("counts the requests", 0, wireshark="icmp.seq")
    originate: u32 = preset("when the request left", 0, unit="ms of the day", wireshark="icmp.originate_timestamp")
    receive: u32 = preset("when it arrived", 0, unit="ms of the day", wireshark="icmp.receive_timestamp")
    transmit: u32 = preset("when the answer left", 0, unit="ms of the day", wireshark="icmp.transmit_timestamp")


class AddressMask(ICMP, key=(17, 18), name="icmp.address_mask", ref="RFC 950"):
    """Asked for the subnet's mask, before DHCP."""

    identifier: u16 = preset("tells one asker from another", 0, wireshark="icmp.ident")
    sequence: u16 = preset("counts the requests", 0, wireshark="icmp.seq")
    mask: ipv4 = preset("the mask", bytes(4), wireshark="icmp.address_mask")


class RouterSolicitation(ICMP, key=10, name="icmp.router_solicitation", ref="RFC 1256"):
    """Asks routers to show themselves."""

    unused: u32 = preset("zero", 0, unnamed="Wireshark shows it as unused")
