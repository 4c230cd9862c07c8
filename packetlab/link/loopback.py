"""Link types without a link: BSD's loopback (NULL, LOOP) and bare IP packets (RAW).

A capture of BSD's loopback puts the address family in front of each packet, as 32 bits in the byte order of the
machine that captured (NULL) or of the network (LOOP). The family's number for IPv6 differs between systems.
Read in the wrong order a family has nothing in its low 16 bits: that tells the orders apart.
"""

from typing import Any

from packetlab.model.fields import auto, u32, u32le
from packetlab.model.header import Header

FAMILIES = {
    2: "IPv4", 7: "OSI", 10: "IPv6 (Linux)", 23: "IPX", 24: "IPv6 (NetBSD, OpenBSD)", 28: "IPv6 (FreeBSD)",
    30: "IPv6 (macOS)",
}  # fmt: skip


def _is_big_endian(data: bytes, pos: int, end: int) -> Any:
    low, high = data[pos : pos + 2], data[pos + 2 : pos + 4]
    return Loopback if end - pos >= 4 and low == b"\0\0" and high != b"\0\0" else None


class Null(
    Header, ref="LINKTYPE_NULL (tcpdump.org)", link_types=(0,), variant=_is_big_endian, name="null", wireshark="null"
):
    """Stands before packets on a BSD or macOS loopback, captured on a little-endian machine."""

    address_family: u32le = auto.next_protocol(
        "which protocol is inside, as an address family of the system", otherwise=0, wireshark="null.family",
        values=FAMILIES,
    )  # fmt: skip


class Loopback(
    Header, ref="LINKTYPE_LOOP (tcpdump.org)", link_types=(108,), carries_like=Null, name="loopback", wireshark="null"
):
    """Stands before packets on OpenBSD's loopback, or on one captured on a big-endian machine."""

    address_family: u32 = auto.next_protocol(
        "which protocol is inside, as an address family of the system", otherwise=0, wireshark="null.family",
        values=FAMILIES,
    )  # fmt: skip


def _by_version(data: bytes, pos: int, end: int) -> Any:
    from packetlab.internet.ipv4 import IPv4  # they ride on this module's headers
    from packetlab.internet.ipv6 import IPv6

    return {4: IPv4, 6: IPv6}.get(data[pos] >> 4) if pos < end else None


class RawIP(
    Header, ref="LINKTYPE_RAW (tcpdump.org)", link_types=(101, 12, 14), variant=_by_version, name="raw_ip",
    wireshark="raw",
):  # fmt: skip
    """Nothing stands before the packet: its first four bits say which IP it is. Met only where they say neither."""
