"""Geneve: frames inside UDP as VXLAN has them, with options for whoever needs to say more (RFC 8926)."""

from packetlab.link.ethernet import ETHER_TYPES, Ethernet
from packetlab.model.fields import auto, field, items, octets, preset, u1, u2, u3, u5, u6, u8, u16, u24
from packetlab.model.header import Header
from packetlab.transport.udp import UDP


def _is_version_0(data: bytes, pos: int, end: int) -> bool:
    return end - pos >= 8 and data[pos] >> 6 == 0 and 8 + (data[pos] & 0x3F) * 4 <= end - pos


class GeneveOption(Header, ref="RFC 8926 section 3.5", name="geneve.option"):
    """Something that one maker's tunnel end wants to tell another."""

    option_class: u16 = preset("who gave the type its meaning", 0, base="hex", wireshark="geneve.option.class")
    type: u8 = field("which option; with the top bit set it must be understood", base="hex",
                     wireshark="geneve.option.type")  # fmt: skip
    reserved: u3 = preset("zero", 0, wireshark="geneve.option.flags")
    length: u5 = auto.length("of the data, in words of 32 bits", counts="header", unit=4, plus=4,
                             unnamed="Wireshark has one name for this and for the length of all options")  # fmt: skip
    data: bytes = octets("what the option says", unnamed="Wireshark names it by class and type")


class Geneve(
    Header, ref="RFC 8926 section 3.4", rides={UDP: 6081}, carries_like=Ethernet, accepts=_is_version_0,
    wireshark="geneve",
):  # fmt: skip
    """Says which virtual network the frame inside belongs to."""

    version: u2 = preset("always 0 so far", 0, wireshark="geneve.version")
    options_length: u6 = auto.length("of the options, in words of 32 bits", counts="header", unit=4, plus=8,
                                     unnamed="Wireshark has one name for this and for that of one option")  # fmt: skip
    control: u1 = preset("for the tunnel ends themselves, not for a guest", 0, wireshark="geneve.flags.oam")
    critical: u1 = preset("an option is there that must be understood", 0, wireshark="geneve.flags.critical")
    reserved: u6 = preset("zero", 0, wireshark="geneve.flags.reserved")
    protocol: u16 = auto.next_protocol("what is inside, as an EtherType; mostly an Ethernet frame", otherwise=0x6558,
                                       base="hex", values=ETHER_TYPES | {0x6558: "Ethernet frame"},
                                       wireshark="geneve.proto_type")  # fmt: skip
    network: u24 = field("which virtual network (VNI)", wireshark="geneve.vni")
    reserved_byte: u8 = preset("zero", 0, wireshark="geneve.reserved")
    options: tuple[GeneveOption, ...] = items("what the tunnel's ends tell each other", GeneveOption,
                                              wireshark="geneve.options")  # fmt: skip
