"""VLAN tags: several separate networks on one cable (IEEE 802.1Q).

A tag stands between the MAC addresses and the EtherType: four bytes, of which the first two are the EtherType
0x8100 (or 0x88A8 for the outer tag of two) that announces it. Seen as a header it begins behind that type and
ends with the type of what follows, so tags nest freely and carry whatever Ethernet carries.
"""

from typing import Any

from packetlab.link.ethernet import ETHER_TYPES, LARGEST_LENGTH, Ethernet
from packetlab.link.llc import LLC
from packetlab.model.fields import auto, preset, u1, u3, u12, u16
from packetlab.model.header import Header

PRIORITIES = {
    0: "best effort (the default)", 1: "background (below best effort)", 2: "excellent effort",
    3: "critical applications", 4: "video", 5: "voice", 6: "internetwork control", 7: "network control",
}  # fmt: skip

VLAN_IDS = {0: "no VLAN, only a priority", 1: "the default VLAN", 4095: "reserved"}


def _with_length(data: bytes, pos: int, end: int) -> Any:
    if end - pos >= 4 and int.from_bytes(data[pos + 2 : pos + 4], "big") <= LARGEST_LENGTH:
        return VLANWithLength
    return None


# Declared before VLAN, which then takes its place in the table; `VLAN` hands over by `variant`.
class VLANWithLength(
    Header, ref="IEEE 802.1Q clause 9.6", rides={Ethernet: 0x8100}, body=LLC, name="vlan_with_length", wireshark="vlan"
):
    """A tag in an IEEE 802.3 frame: a length stands where others have a type."""

    priority: u3 = preset("how urgent the frame is, 7 most", 0, wireshark="vlan.priority", values=PRIORITIES)
    drop_eligible: u1 = preset("may be dropped first where it is crowded", 0, wireshark="vlan.dei")
    id: u12 = preset("which VLAN; 1 to 4094", 1, wireshark="vlan.id", values=VLAN_IDS)
    length: u16 = auto.length("bytes that follow, padding not counted", counts="body", wireshark="vlan.len", unit=1)


class VLAN(
    Header,
    ref="IEEE 802.1Q clause 9.6",
    rides={Ethernet: (0x8100, 0x9100)},
    carries_like=Ethernet,
    variant=_with_length,
    wireshark="vlan",
):
    """Says which of the networks that share a cable a frame belongs to."""

    priority: u3 = preset("how urgent the frame is, 7 most", 0, wireshark="vlan.priority", values=PRIORITIES)
    drop_eligible: u1 = preset("may be dropped first where it is crowded", 0, wireshark="vlan.dei")
    id: u12 = preset("which VLAN; 1 to 4094", 1, wireshark="vlan.id", values=VLAN_IDS)
    type: u16 = auto.next_protocol(
        "which protocol is inside", otherwise=0x88B5, wireshark="vlan.etype", base="hex", values=ETHER_TYPES
    )


class ServiceVLAN(
    Header,
    ref="IEEE 802.1Q clause 9.6",
    rides={Ethernet: 0x88A8},
    carries_like=Ethernet,
    name="service_vlan",
    wireshark="ieee8021ad",
):
    """The outer of two tags (QinQ, once 802.1ad): a carrier's own VLAN around those of its customers."""

    priority: u3 = preset("how urgent the frame is to the carrier, 7 most", 0, wireshark="ieee8021ad.priority",
                          values=PRIORITIES)  # fmt: skip
    drop_eligible: u1 = preset("may be dropped first where it is crowded", 0, wireshark="ieee8021ad.dei")
    id: u12 = preset("which VLAN of the carrier; 1 to 4094", 1, wireshark="ieee8021ad.id")
    type: u16 = auto.next_protocol(
        "which protocol is inside; mostly the customer's tag", otherwise=0x88B5, base="hex", values=ETHER_TYPES,
        unnamed="Wireshark shows it as the type of the tag around it",
    )  # fmt: skip
