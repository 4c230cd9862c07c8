"""Linux cooked captures: what `-i any` writes in place of the link header (LINKTYPE_LINUX_SLL and SLL2).

Links of all kinds go through one capture, so the kernel makes up a header that fits all: direction, kind of
link, the sender's link address (up to 8 bytes of it) and the EtherType.
"""

from typing import Any

from packetlab.link.arp import HARDWARE_TYPES
from packetlab.link.ethernet import ETHER_TYPES, Ethernet
from packetlab.link.llc import LLC
from packetlab.model.addresses import mac_text
from packetlab.model.fields import auto, octets, preset, u8, u16, u32
from packetlab.model.header import Header

PACKET_TYPES = {0: "to this host", 1: "broadcast", 2: "to a group", 3: "to somebody else", 4: "from this host"}

LINK_TYPES = HARDWARE_TYPES | {
    512: "PPP", 768: "IPv4 tunnel", 769: "IPv6 tunnel", 772: "loopback", 776: "IPv6 in IPv4", 778: "GRE",
    801: "Wi-Fi", 803: "Wi-Fi with radio header", 824: "netlink", 65534: "none (tun)",
}  # fmt: skip

PROTOCOLS = ETHER_TYPES | {1: "IEEE 802.3 without LLC", 4: "IEEE 802.2 LLC"}

_ROOM = 8


def _known(header: Any) -> int:
    return min(int(header.address_length), _ROOM)


def _unknown(header: Any) -> int:
    return _ROOM - _known(header)


def _address_text(address: bytes) -> str:
    return mac_text(address) if len(address) == 6 else address.hex()


def _address() -> Any:
    return octets("the sender's link address, the MAC on Ethernet", size=_known, show=_address_text, default=bytes(6),
                  unnamed="Wireshark's name for it depends on the kind of link")  # fmt: skip


def _unused() -> Any:
    return octets("room that the address does not need", size=_unknown, default=bytes(2), wireshark="sll.unused")


def _is_llc(data: bytes, pos: int, end: int) -> Any:
    return LinuxCookedLLC if data[pos + 14 : min(pos + 16, end)] == b"\0\x04" else None


def _is_llc_too(data: bytes, pos: int, end: int) -> Any:
    return LinuxCooked2LLC if data[pos : min(pos + 2, end)] == b"\0\x04" else None


class LinuxCooked(
    Header, ref="LINKTYPE_LINUX_SLL (tcpdump.org)", link_types=(113,), carries_like=Ethernet, variant=_is_llc,
    name="linux_cooked", wireshark="sll",
):  # fmt: skip
    """Stands in place of the link header in captures on all interfaces at once."""

    packet_type: u16 = preset("which way it went", 0, wireshark="sll.pkttype", values=PACKET_TYPES)
    hardware_type: u16 = preset("kind of link", 1, wireshark="sll.hatype", values=LINK_TYPES)
    address_length: u16 = auto.length("bytes of the sender's link address", counts="fields:address",
                                      wireshark="sll.halen")  # fmt: skip
    address: bytes = _address()
    unused: bytes = _unused()
    type: u16 = auto.next_protocol("which protocol is inside", otherwise=0x88B5, base="hex", values=PROTOCOLS,
                                   wireshark="sll.etype")  # fmt: skip


class LinuxCooked2(
    Header, ref="LINKTYPE_LINUX_SLL2 (tcpdump.org)", link_types=(276,), carries_like=Ethernet, variant=_is_llc_too,
    name="linux_cooked2", wireshark="sll",
):  # fmt: skip
    """The same, and through which interface it went."""

    type: u16 = auto.next_protocol("which protocol is inside", otherwise=0x88B5, base="hex", values=PROTOCOLS,
                                   wireshark="sll.etype")  # fmt: skip
    reserved: u16 = preset("zero", 0, unnamed="Wireshark shows it without a name")
    interface: u32 = preset("number of the interface on the capturing machine", 1, wireshark="sll.ifindex")
    hardware_type: u16 = preset("kind of link", 1, wireshark="sll.hatype", values=LINK_TYPES)
    packet_type: u8 = preset("which way it went", 0, wireshark="sll.pkttype", values=PACKET_TYPES)
    address_length: u8 = auto.length("bytes of the sender's link address", counts="fields:address",
                                     wireshark="sll.halen")  # fmt: skip
    address: bytes = _address()
    unused: bytes = _unused()


def _llc_type() -> Any:
    return preset("4: an LLC header follows, there is no type", 4, base="hex", values=PROTOCOLS, wireshark="sll.ltype")


class LinuxCookedLLC(LinuxCooked, link_types=(), body=LLC, name="linux_cooked_llc"):
    """In place of an IEEE 802.3 header, which has no type."""

    type: u16 = _llc_type()


class LinuxCooked2LLC(LinuxCooked2, link_types=(), body=LLC, name="linux_cooked2_llc"):
    """The same, and through which interface it went."""

    type: u16 = _llc_type()
