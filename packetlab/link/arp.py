"""ARP: which network card has this IPv4 address? (RFC 826)

Lengths of both kinds of addresses stand in the header. All that is in use has the 6 bytes of a MAC and the
4 of an IPv4 address: that is the class `ARP`; other lengths decode as `OtherARP`, with plain bytes.
"""

from typing import Any

from packetlab.link.ethernet import ETHER_TYPES, Ethernet
from packetlab.model.fields import auto, field, ipv4, mac, octets, preset, u8, u16
from packetlab.model.header import Header

HARDWARE_TYPES = {
    1: "Ethernet", 6: "IEEE 802", 7: "ARCNET", 15: "Frame Relay", 18: "Fibre Channel", 19: "ATM", 24: "FireWire",
    27: "EUI-64", 32: "InfiniBand",
}  # fmt: skip

OPERATIONS = {
    1: "request: who has the target address?", 2: "reply: I have it", 3: "RARP request: which address has this card?",
    4: "RARP reply", 8: "InARP request", 9: "InARP reply", 10: "ATMARP NAK",
}  # fmt: skip


def _other_lengths(data: bytes, pos: int, end: int) -> Any:
    return OtherARP if end - pos >= 6 and data[pos + 4 : pos + 6] != b"\x06\x04" else None


# Declared before ARP, which then takes its place in the table; `ARP` hands over by `variant`.
class OtherARP(Header, ref="RFC 826", rides={Ethernet: 0x0806}, name="arp_other", bodyless=True, wireshark="arp"):
    """ARP with addresses of other lengths than those of Ethernet and IPv4."""

    hardware_type: u16 = field("kind of link", wireshark="arp.hw.type", values=HARDWARE_TYPES)
    protocol_type: u16 = field("kind of address that is asked about, as an EtherType", base="hex",
                               wireshark="arp.proto.type", values=ETHER_TYPES)  # fmt: skip
    hardware_length: u8 = auto.length("bytes of a hardware address", counts="fields:sender_hardware",
                                      wireshark="arp.hw.size")  # fmt: skip
    protocol_length: u8 = auto.length("bytes of a protocol address", counts="fields:sender_protocol",
                                      wireshark="arp.proto.size")  # fmt: skip
    operation: u16 = preset("question or answer", 1, wireshark="arp.opcode", values=OPERATIONS)
    sender_hardware: bytes = octets("the sender's hardware address", size="hardware_length", wireshark="arp.src.hw")
    sender_protocol: bytes = octets("the sender's protocol address", size="protocol_length", wireshark="arp.src.proto")
    target_hardware: bytes = octets("the target's hardware address", size="hardware_length", wireshark="arp.dst.hw")
    target_protocol: bytes = octets("the address in question", size="protocol_length", wireshark="arp.dst.proto")


class ARP(Header, ref="RFC 826", rides={Ethernet: 0x0806}, variant=_other_lengths, bodyless=True, wireshark="arp"):
    """Asks everybody on a link who has an IPv4 address, and answers with the MAC address."""

    hardware_type: u16 = preset("kind of link", 1, wireshark="arp.hw.type", values=HARDWARE_TYPES)
    protocol_type: u16 = preset("kind of address that is asked about, as an EtherType", 0x0800, base="hex",
                                wireshark="arp.proto.type", values=ETHER_TYPES)  # fmt: skip
    hardware_length: u8 = preset("bytes of a hardware address", 6, expect=6, wireshark="arp.hw.size")
    protocol_length: u8 = preset("bytes of a protocol address", 4, expect=4, wireshark="arp.proto.size")
    operation: u16 = preset("question or answer", 1, wireshark="arp.opcode", values=OPERATIONS)
    sender_hardware: mac = field("the sender's MAC address: who hears this may remember it",
                                 wireshark="arp.src.hw_mac")  # fmt: skip
    sender_protocol: ipv4 = field("the sender's IPv4 address; 0.0.0.0 while it only probes whether one is free",
                                  wireshark="arp.src.proto_ipv4")  # fmt: skip
    target_hardware: mac = preset("in a reply, who asked; in a request, not known and zero", bytes(6),
                                  wireshark="arp.dst.hw_mac")  # fmt: skip
    target_protocol: ipv4 = field("the IPv4 address in question", wireshark="arp.dst.proto_ipv4")


class RARP(ARP, ref="RFC 903", rides={Ethernet: 0x8035}, variant=_other_lengths, name="rarp", wireshark="arp"):
    """The other way round: a machine without a disk asks which IPv4 address its MAC has; DHCP replaced it."""
