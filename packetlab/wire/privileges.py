"""What this process may do with sockets, found out by trying, once per process and host.

Three doors lead to the wire: packet sockets and raw IP sockets (CAP_NET_RAW), and the ICMP datagram sockets
that `net.ipv4.ping_group_range` opens to ordinary users.
"""

import os
import socket
import sys
from dataclasses import dataclass

from packetlab.model.errors import PrivilegeError
from packetlab.wire.closing import close_soon
from packetlab.wire.host import Host, LocalHost

_PYTHON = os.path.realpath(sys.executable)
REMEDY = (
    "`packetlab demo` and `packetlab lab` need no root: they run in a network of their own; for the real one use "
    f"`sudo packetlab ...`, or give Python the right once: sudo setcap cap_net_raw+ep {_PYTHON}"
)


@dataclass(frozen=True, slots=True)
class Privileges:
    """What a host lets us open."""

    packet: bool
    """AF_PACKET: whole frames."""
    raw: bool
    """SOCK_RAW for IPv4: packets with our own IP header."""
    raw6: bool
    icmp: bool
    """ICMP echo through a datagram socket, without any privilege."""
    icmp6: bool

    def require_packet(self, what: str) -> None:
        """PrivilegeError where packet sockets are not allowed; `what` begins the sentence."""
        if not self.packet:
            raise PrivilegeError(f"{what} needs packet sockets (CAP_NET_RAW), which this user lacks", remedy=REMEDY)


_OWN: Privileges | None = None


def _may(via: Host, family: int, kind: int, protocol: int) -> bool:
    try:
        close_soon(via.socket(family, kind, protocol))
    except OSError:
        return False
    return True


def privileges(via: Host | None = None) -> Privileges:
    """Try each kind of socket; this machine's answer is kept for the life of the process."""
    global _OWN
    if via is None and _OWN is not None:
        return _OWN
    source = via or LocalHost()
    packet = getattr(socket, "AF_PACKET", None)
    found = Privileges(
        packet=packet is not None and _may(source, packet, socket.SOCK_RAW, 0),
        raw=_may(source, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        raw6=_may(source, socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
        icmp=_may(source, socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
        icmp6=_may(source, socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6),
    )
    if via is None:
        _OWN = found
    return found
