"""IPsec on the wire: AH proves where a packet is from, ESP also hides what it says.

What AH signs stays readable, so it names the next header. Behind ESP's two numbers everything is encrypted, the
next header's number and the padding included; without the keys the rest is only bytes.
"""

from packetlab.internet.ipv4 import IP_PROTOCOLS, IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.model.fields import auto, field, octets, preset, u8, u16, u32
from packetlab.model.header import Header


class AH(Header, ref="RFC 4302 section 2", rides={IPv4: 51, IPv6: 51}, carries_like=IPv4, name="ah", wireshark="ah"):
    """Proves that a packet is from who shares a key, and unchanged; hides nothing."""

    next_header: u8 = auto.next_protocol("which header or protocol follows", otherwise=59, values=IP_PROTOCOLS,
                                         wireshark="ah.next_header")  # fmt: skip
    length: u8 = auto.length("of this header, in words of 32 bits, the first two not counted", counts="header", unit=4,
                             plus=8, wireshark="ah.length")  # fmt: skip
    reserved: u16 = preset("zero", 0, base="hex", wireshark="ah.reserved")
    security_parameters: u32 = field("which agreement (keys, algorithms) this was made under, by the receiver's number",
                                     base="hex", wireshark="ah.spi")  # fmt: skip
    sequence: u32 = field("number of this packet under that agreement: one that comes twice is a replay",
                          wireshark="ah.sequence")  # fmt: skip
    integrity_check: bytes = octets("the signature over packet and key", wireshark="ah.icv")


class ESP(Header, ref="RFC 4303 section 2", rides={IPv4: 50, IPv6: 50}, name="esp", wireshark="esp"):
    """Carries an encrypted packet; without the keys nobody can say what is inside."""

    security_parameters: u32 = field("which agreement (keys, algorithms) this was made under, by the receiver's number",
                                     base="hex", wireshark="esp.spi")  # fmt: skip
    sequence: u32 = field("number of this packet under that agreement: one that comes twice is a replay",
                          wireshark="esp.sequence")  # fmt: skip
