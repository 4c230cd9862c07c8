"""LLC and SNAP: how IEEE 802.3 frames, which have a length instead of a type, say what is inside (IEEE 802.2).

Spanning tree has a service access point of its own; nearly all else uses SNAP, which brings the EtherType back.
"""

from typing import Any

from packetlab.link.ethernet import ETHER_TYPES, IEEE8023, Ethernet
from packetlab.model.fields import auto, bit, field, mac, octets, preset, u4, u8, u12, u16, u24, u32
from packetlab.model.header import Header

SERVICE_ACCESS_POINTS = {
    0x00: "none", 0x06: "IPv4", 0x42: "spanning tree", 0x98: "ARP", 0xAA: "SNAP", 0xAB: "SNAP (response)",
    0xE0: "NetWare", 0xF0: "NetBIOS", 0xFE: "ISO network layer", 0xFF: "all (or raw NetWare)",
}  # fmt: skip

CONTROLS = {0x03: "UI: unnumbered information", 0xAF: "XID: exchange identification", 0xBF: "XID", 0xE3: "TEST",
            0xF3: "TEST", 0x43: "DISC: end", 0x6F: "SABME: begin", 0x73: "UA: agreed"}  # fmt: skip


def _is_numbered(header: Any) -> bool:
    return bool(header.control & 3 != 3)


class LLC(Header, ref="IEEE 802.2 clause 3", name="llc", wireshark="llc"):
    """Says which service a frame without a type is for."""

    dsap: u8 = auto.next_protocol("service at the destination that this is for", otherwise=0, base="hex",
                                  values=SERVICE_ACCESS_POINTS, wireshark="llc.dsap")  # fmt: skip
    ssap: u8 = auto.next_protocol("service at the source that sent it; lowest bit set in a response", otherwise=0,
                                  base="hex", values=SERVICE_ACCESS_POINTS, wireshark="llc.ssap")  # fmt: skip
    control: u8 = preset("kind of message; mostly 3, plain data", 3, base="hex", values=CONTROLS,
                         wireshark="llc.control")  # fmt: skip
    expected: u8 = preset("on a connection: number of the next message that the sender expects, in the upper 7 bits", 0,
                          base="hex", when=_is_numbered, unnamed="a part of llc.control to Wireshark")  # fmt: skip


IEEE8023.body = LLC  # declared there before this module could be


# ---------------------------------------------------------------- SNAP

ORGANISATIONS = {0x000000: "Ethernet types", 0x0000F8: "Ethernet types, bridged by Cisco", 0x00000C: "Cisco",
                 0x0080C2: "IEEE 802.1 bridges", 0x00E02B: "Extreme", 0x080007: "Apple"}  # fmt: skip


def _by_organisation(data: bytes, pos: int, end: int) -> Any:
    if end - pos < 3:
        return None
    organisation = int.from_bytes(data[pos : pos + 3], "big")
    return None if organisation in (0, 0xF8) else CiscoSNAP if organisation == 0xC else OtherSNAP


def _is_private(header: Any) -> bool:
    return header.oui not in (0, 0xF8)


def _oui(default: int) -> Any:
    return preset("whose numbers stand in the type field", default, base="hex", values=ORGANISATIONS,
                  wireshark="llc.oui")  # fmt: skip


class CiscoSNAP(Header, ref="Cisco", rides={LLC: 0xAA}, name="snap_cisco", wireshark="llc"):
    """SNAP with a type of Cisco's own."""

    oui: u24 = _oui(0x00000C)
    type: u16 = auto.next_protocol(
        "which protocol of Cisco is inside", otherwise=0, base="hex", wireshark="llc.cisco_pid",
        values={0x0102: "DRiP", 0x0104: "port aggregation (PAgP)", 0x0111: "one-way links (UDLD)",
                0x010B: "spanning tree per VLAN (PVST+)", 0x2000: "discovery (CDP)", 0x2003: "VLAN trunks (VTP)",
                0x2004: "trunking (DTP)"},
    )  # fmt: skip


class OtherSNAP(Header, ref="IEEE 802 clause 9", rides={LLC: 0xAA}, name="snap_other", wireshark="llc"):
    """SNAP with a type of some organisation's own."""

    oui: u24 = field("whose numbers stand in the type field", base="hex", values=ORGANISATIONS, wireshark="llc.oui")
    type: u16 = field("which protocol of that organisation is inside", base="hex",
                      unnamed="Wireshark's name for it depends on the organisation")  # fmt: skip


class SNAP(
    Header, ref="RFC 1042", rides={LLC: 0xAA}, carries_like=Ethernet, variant=_by_organisation, opaque=_is_private,
    name="snap", wireshark="llc",
):  # fmt: skip
    """Brings the EtherType back into frames that have a length in its place."""

    oui: u24 = _oui(0)
    type: u16 = auto.next_protocol(
        "which protocol is inside", otherwise=0x88B5, base="hex", wireshark="llc.type", values=ETHER_TYPES
    )


# ---------------------------------------------------------------- spanning tree


def _seconds(value: int) -> str:
    return f"{value / 256:g} s"


def _time(text: str, seconds: int, wireshark: str) -> Any:
    return preset(text + ", in 256ths of a second", seconds * 256, wireshark=wireshark, show=_seconds)


class BPDU(
    Header, ref="IEEE 802.1D clause 9", rides={LLC: 0x42, CiscoSNAP: 0x010B}, family="type", bodyless=True,
    name="stp", wireshark="stp",
):  # fmt: skip
    """Bridges tell each other about themselves, so that redundant links do not become circles."""

    protocol: u16 = preset("0: spanning tree", 0, base="hex", wireshark="stp.protocol")
    version: u8 = preset("which spanning tree", 0, values={0: "STP", 2: "rapid (RSTP)", 3: "multiple (MSTP)"},
                         wireshark="stp.version")  # fmt: skip
    type: u8 = auto.key("kind of message", base="hex", wireshark="stp.type",
                        values={0: "configuration", 2: "rapid or multiple configuration",
                                0x80: "topology change notification"})  # fmt: skip


class TopologyChangeBPDU(BPDU, key=0x80, name="stp_topology_change"):
    """Towards the root: a link came or went."""


class ConfigurationBPDU(BPDU, key=0, name="stp_configuration"):
    """The best root bridge known to the sender, and how far it is."""

    TC = bit(0x01, "the topology changed: forget soon what you learned", wireshark="stp.flags.tc")
    TC_ACK = bit(0x80, "your notice of a change has arrived", wireshark="stp.flags.tcack")

    flags: u8 = preset("changes of the topology", 0, base="hex", wireshark="stp.flags",
                       bits=(TC_ACK, TC))  # fmt: skip
    root_priority: u4 = preset("the root's priority in steps of 4096; the lowest becomes root", 8, scale=4096,
                               wireshark="stp.root.prio")  # fmt: skip
    root_extension: u12 = preset("VLAN or instance that the tree is for", 0, wireshark="stp.root.ext")
    root_address: mac = field("the root bridge; decides where priorities are equal", wireshark="stp.root.hw")
    root_cost: u32 = preset("cost of the sender's way to the root", 0, wireshark="stp.root.cost")
    bridge_priority: u4 = preset("the sender's priority in steps of 4096", 8, scale=4096, wireshark="stp.bridge.prio")
    bridge_extension: u12 = preset("VLAN or instance that the tree is for", 0, wireshark="stp.bridge.ext")
    bridge_address: mac = field("the bridge that sent this", wireshark="stp.bridge.hw")
    port: u16 = preset("the port through which it was sent: priority and number", 0x8001, base="hex",
                       wireshark="stp.port")  # fmt: skip
    message_age: u16 = _time("how old the root's information is", 0, "stp.msg_age")
    max_age: u16 = _time("when information is too old to be kept", 20, "stp.max_age")
    hello_time: u16 = _time("how often the root speaks", 2, "stp.hello")
    forward_delay: u16 = _time("how long a port listens and learns before it forwards", 15, "stp.forward")


class RapidBPDU(ConfigurationBPDU, key=2, name="stp_rapid"):
    """The same for rapid and multiple spanning tree, with proposals and agreements in the flags."""

    PROPOSAL = bit(0x02, "may I forward at once?", wireshark="stp.flags.proposal")
    PORT_ROLE = bit(0x0C, "what the port is for: 1 alternate or backup, 2 towards the root, 3 designated",
                    wireshark="stp.flags.port_role")  # fmt: skip
    LEARNING = bit(0x10, "the port learns addresses", wireshark="stp.flags.learning")
    FORWARDING = bit(0x20, "the port forwards frames", wireshark="stp.flags.forwarding")
    AGREEMENT = bit(0x40, "yes, you may", wireshark="stp.flags.agreement")

    flags: u8 = preset(
        "what the port is for and what it asks", 0, base="hex", wireshark="stp.flags",
        bits=(ConfigurationBPDU.TC_ACK, AGREEMENT, FORWARDING, LEARNING, PORT_ROLE, PROPOSAL, ConfigurationBPDU.TC),
    )  # fmt: skip
    version: u8 = preset("which spanning tree", 2, values={2: "rapid (RSTP)", 3: "multiple (MSTP)"},
                         wireshark="stp.version")  # fmt: skip
    version_1_length: u8 = preset("0: nothing of version 1 follows", 0, wireshark="stp.version_1_length")
    extras: bytes = octets("regions and instances of multiple spanning tree, or Cisco's VLAN",
                           unnamed="Wireshark names them one by one")  # fmt: skip
