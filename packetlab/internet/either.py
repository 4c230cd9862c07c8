"""What conversations ask of a packet whichever IP carries it: who sent it, how far it may go, what an error says."""

from typing import Any

from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.model.header import Header
from packetlab.model.packet import Packet


def ip_between(
    src: bytes, dst: bytes, *, ttl: int = 64, dont_fragment: bool = False, identification: int = 0
) -> IPv4 | IPv6:
    """An IP header from one address (4 or 16 bytes) to another of the same family."""
    if len(dst) == 16:
        return IPv6(src=src, dst=dst, hop_limit=ttl)
    return IPv4(src=src, dst=dst, ttl=ttl, dont_fragment=int(dont_fragment), identification=identification)


def ip_header(packet: Packet) -> IPv4 | IPv6 | None:
    """The outermost IP header."""
    for header in packet.layers:
        if isinstance(header, IPv4 | IPv6):
            return header
    return None


def ttl_of(header: IPv4 | IPv6) -> int:
    """TTL or hop limit."""
    return header.ttl if isinstance(header, IPv4) else header.hop_limit


def is_between(packet: Packet, src: bytes, dst: bytes) -> bool:
    """Whether its outermost IP header goes from `src` to `dst`."""
    header: Any = ip_header(packet)
    return header is not None and header.src == src and header.dst == dst


def quoted_about(packet: Packet, src: bytes, dst: bytes) -> Packet | None:
    """The packet from `src` to `dst` that an ICMP error in `packet` quotes, or None."""
    quoted = packet.quoted
    return quoted if quoted is not None and is_between(quoted, src, dst) else None


def error_of(packet: Packet) -> tuple[int, int, Header] | None:
    """Type, code and header of the ICMP or ICMPv6 message that quotes a packet."""
    for header in reversed(packet.layers):
        if header.quotes is not None:
            kind, code = getattr(header, "type", None), getattr(header, "code", None)
            if kind is not None and code is not None:
                return kind, code, header
    return None


_UNREACHABLE = {
    0: "no router knows a way to that network", 1: "nobody answered for that address on its own network",
    2: "the host does not speak that protocol", 3: "the host is there, but no process has that port",
    4: "the packet is too large for the next link and must not be cut", 5: "the source route failed",
    6: "that network is unknown", 7: "that host is unknown", 9: "that network is forbidden by an administrator",
    10: "that host is forbidden by an administrator", 13: "a firewall forbids it",
}  # fmt: skip
_UNREACHABLE6 = {
    0: "no router knows a way there", 1: "a firewall forbids it", 2: "it lies beyond the scope of the source address",
    3: "nobody answered for that address on its own network", 4: "the host is there, but no process has that port",
    5: "a filter at the border does not accept this source address", 6: "a router is told to reject that route",
}  # fmt: skip


def error_words(kind: int, code: int, *, six: bool, mtu: int = 0) -> tuple[str, str]:
    """An ICMP (RFC 792, 1122, 1191) or ICMPv6 (RFC 4443) error by name and in plain English."""
    limit = f"; the next link takes {mtu} bytes" if mtu else ""
    if six:
        known = {
            1: ("destination unreachable", _UNREACHABLE6.get(code, f"code {code}")),
            2: ("packet too big", f"a link on the way takes only smaller packets{limit}"),
            3: ("time exceeded", "its hop limit ran out at this router" if code == 0 else "fragments are missing"),
            4: ("parameter problem", "a router or host did not understand its header"),
        }
    else:
        known = {
            3: ("destination unreachable", _UNREACHABLE.get(code, f"code {code}") + (limit if code == 4 else "")),
            4: ("source quench", "a router asks for less traffic (obsolete)"),
            5: ("redirect", "a shorter way exists, through another router"),
            11: ("time exceeded", "its TTL ran out at this router" if code == 0 else "fragments are missing"),
            12: ("parameter problem", "a router or host did not understand its header"),
        }
    return known.get(kind, (f"ICMP type {kind}", f"code {code}"))
