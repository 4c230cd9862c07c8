"""Ethernet II and IEEE 802.3 frames: from one network card to another on the same link.

Both begin with two MAC addresses. The next 16 bits decide: from 0x0600 up they are an EtherType, up to 1500
they are the length of what follows, which then begins with an LLC header (IEEE 802.3 clause 3.2.6).
"""

from typing import Any

from packetlab.model.fields import auto, field, mac, u16
from packetlab.model.header import Header

LARGEST_LENGTH = 1500

ETHER_TYPES = {
    0x0800: "IPv4",
    0x0806: "ARP",
    0x0842: "Wake-on-LAN",
    0x8035: "RARP",
    0x8100: "802.1Q VLAN tag",
    0x86DD: "IPv6",
    0x8808: "Ethernet flow control",
    0x8847: "MPLS unicast",
    0x8848: "MPLS multicast",
    0x8863: "PPPoE discovery",
    0x8864: "PPPoE session",
    0x888E: "802.1X authentication",
    0x88A8: "802.1ad service VLAN tag",
    0x88B5: "local experiment 1",
    0x88B6: "local experiment 2",
    0x88CC: "LLDP",
    0x88E5: "MACsec",
    0x88F7: "PTP",
}


def _with_length(data: bytes, pos: int, end: int) -> Any:
    if end - pos >= 14 and data[pos + 12] < 6 and int.from_bytes(data[pos + 12 : pos + 14], "big") <= LARGEST_LENGTH:
        return IEEE8023
    return None


class Ethernet(Header, ref="IEEE 802.3 clause 3", link_types=(1,), variant=_with_length, wireshark="eth"):
    """Carries a packet across one link, from one network card to another."""

    dst: mac = field(
        "the card this is for; all ones for everybody, lowest bit of the first byte set for a group",
        wireshark="eth.dst", also=("eth.addr",),
    )
    src: mac = field("the card that sent it", wireshark="eth.src", also=("eth.addr",))
    type: u16 = auto.next_protocol(
        "which protocol is inside", otherwise=0x88B5, wireshark="eth.type", base="hex", values=ETHER_TYPES
    )


class IEEE8023(Header, ref="IEEE 802.3 clause 3.2.6", name="ieee8023", wireshark="eth"):
    """The older frame, with a length where Ethernet II has a type; still used by spanning tree."""

    dst: mac = field("the card, or group of cards, this is for", wireshark="eth.dst", also=("eth.addr",))
    src: mac = field("the card that sent it", wireshark="eth.src", also=("eth.addr",))
    length: u16 = auto.length(
        "bytes that follow, padding not counted; at most 1500", counts="body", wireshark="eth.len", unit=1
    )
