"""PPP: packets over a line between two, and PPPoE: the same over Ethernet (RFC 1661, RFC 1662, RFC 2516).

On serial lines two constant bytes stand before the protocol number (RFC 1662 section 3.1); tunnels leave them out.
"""

from typing import Any

from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.ethernet import Ethernet
from packetlab.model.fields import auto, preset, u4, u8, u16
from packetlab.model.header import Header

PROTOCOLS = {
    0x0021: "IPv4", 0x0057: "IPv6", 0x003D: "multilink", 0x00FD: "compressed", 0x0281: "MPLS",
    0x8021: "IPv4 control (IPCP)",
    0x8057: "IPv6 control", 0x80FD: "compression control", 0xC021: "link control (LCP)", 0xC023: "password (PAP)",
    0xC223: "challenge (CHAP)",
}  # fmt: skip


def _is_other_form(data: bytes, pos: int, end: int) -> Any:
    if end - pos >= 2 and data[pos : pos + 2] == b"\xff\x03":
        return PPPWithAddress
    return PPPCompressed if end > pos and data[pos] & 1 else None


def _protocol() -> Any:
    return auto.next_protocol("which protocol is inside", otherwise=0x00FD, base="hex", values=PROTOCOLS,
                              wireshark="ppp.protocol")  # fmt: skip


class PPP(Header, ref="RFC 1661 section 2", link_types=(9,), variant=_is_other_form, wireshark="ppp"):
    """Says what a frame between the two ends of a line carries."""

    protocol: u16 = _protocol()


class PPPCompressed(Header, ref="RFC 1661 section 6.5", carries_like=PPP, name="ppp_compressed", wireshark="ppp"):
    """The same in one byte, where both ends agreed to save one: the number is odd, so it cannot be a first half."""

    protocol: u8 = _protocol()


class PPPWithAddress(
    Header, ref="RFC 1662 section 3.1", link_types=(50,), body=PPP, name="ppp_with_address", wireshark="ppp"
):
    """What stands before a PPP frame on a serial line: two constant bytes of HDLC."""

    address: u8 = preset("all stations: there is only one", 0xFF, base="hex", expect=0xFF, wireshark="ppp.address")
    control: u8 = preset("unnumbered information: no sequence numbers", 3, wireshark="ppp.control")


IPv4.ride_on(PPP, 0x0021)
IPv6.ride_on(PPP, 0x0057)

CODES = {0: "session data", 0x09: "discovery initiation (PADI)", 0x07: "discovery offer (PADO)",
         0x19: "discovery request (PADR)", 0x65: "session confirmation (PADS)", 0xA7: "termination (PADT)"}  # fmt: skip


class PPPoEDiscovery(
    Header, ref="RFC 2516 section 4", rides={Ethernet: 0x8863}, name="pppoe_discovery", wireshark="pppoed"
):
    """Finds an access server on the link, and opens or ends a session with it."""

    version: u4 = preset("always 1", 1, wireshark="pppoe.version")
    type: u4 = preset("always 1", 1, wireshark="pppoe.type")
    code: u8 = preset("which message", 9, base="hex", values=CODES, wireshark="pppoe.code")
    session: u16 = preset("which session; 0 until there is one", 0, base="hex", wireshark="pppoe.session_id")
    length: u16 = auto.length("bytes of tags that follow", counts="body", unit=1, wireshark="pppoe.payload_length")


class PPPoE(Header, ref="RFC 2516 section 4", rides={Ethernet: 0x8864}, body=PPP, wireshark="pppoes"):
    """A PPP frame on its way through an Ethernet, as DSL lines have it."""

    version: u4 = preset("always 1", 1, wireshark="pppoe.version")
    type: u4 = preset("always 1", 1, wireshark="pppoe.type")
    code: u8 = preset("session data", 0, base="hex", values=CODES, wireshark="pppoe.code")
    session: u16 = preset("which session of the two cards", 1, base="hex", wireshark="pppoe.session_id")
    length: u16 = auto.length("bytes of the PPP frame", counts="body", unit=1, wireshark="pppoe.payload_length")
