"""VXLAN: Ethernet frames inside UDP, so that one link can span a whole data centre (RFC 7348)."""

from packetlab.link.ethernet import Ethernet
from packetlab.model.fields import bit, field, preset, u8, u16, u24
from packetlab.model.header import Header
from packetlab.transport.udp import UDP


def _has_identifier(data: bytes, pos: int, end: int) -> bool:
    """The one flag that every VXLAN header carries."""
    return end - pos >= 8 and bool(data[pos] & 0x08)


class VXLAN(
    Header, ref="RFC 7348 section 5", rides={UDP: 4789}, accepts=_has_identifier, body=Ethernet, name="vxlan",
    wireshark="vxlan",
):  # fmt: skip
    """Says which of 16 million virtual links the frame inside is on."""

    GROUP = bit(0x8000, "the next field holds a group for policies (a draft, as Linux and Cisco use it)",
                wireshark="vxlan.flag_g")  # fmt: skip
    IDENTIFIER = bit(0x0800, "there is a network identifier; always set", wireshark="vxlan.flag_i")
    DO_NOT_LEARN = bit(0x0040, "do not learn from this frame where its sender is", wireshark="vxlan.flag_d")
    APPLIED = bit(0x0008, "policies were applied already", wireshark="vxlan.flag_a")

    flags: u16 = preset("which fields count", 0x0800, base="hex", bits=(GROUP, IDENTIFIER, DO_NOT_LEARN, APPLIED),
                        wireshark="vxlan.flags")  # fmt: skip
    group_policy: u16 = preset("group of senders, for policies; otherwise zero", 0, wireshark="vxlan.gbp")
    network: u24 = field("which virtual link (VNI)", wireshark="vxlan.vni")
    reserved: u8 = preset("zero", 0, wireshark="vxlan.reserved8")
