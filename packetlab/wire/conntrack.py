"""The kernel's table of tracked connections, over netlink: what NAT has changed, and for whom (ctnetlink).

Each row has two directions as the kernel sees them: how the first packet came in, and how the reply to it looks when
it comes in. Where nothing is translated, one is the other turned round. The numbers are those of
linux/netfilter/nfnetlink_conntrack.h; integers in attributes are big endian.
"""

import socket
import struct
from dataclasses import dataclass

from packetlab.model.addresses import ip_text
from packetlab.wire.host import Host
from packetlab.wire.netlink import DUMP, Netlink, NetlinkError, Request, attributes

NETLINK_NETFILTER = 12
_NEW, _GET = 1 << 8, (1 << 8) + 1
_SEEN_REPLY = 1 << 1
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
TCP_STATES = ("none", "syn sent", "syn received", "established", "fin wait", "close wait", "last ack", "time wait",
              "close", "listen")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One direction. Without ports (ICMP), both are 0."""

    source: str
    source_port: int
    target: str
    target_port: int

    def __str__(self) -> str:
        return f"{_end(self.source, self.source_port)} -> {_end(self.target, self.target_port)}"


@dataclass(frozen=True, slots=True)
class Connection:
    """A row of the table."""

    protocol: str
    first: Way
    """As the packet that opened it came in."""
    reply: Way
    """As its replies come in."""
    state: str
    """Of TCP; "replied" or "no reply yet" of others."""
    seconds: int
    """How long the row stays without further packets."""

    @property
    def translated(self) -> bool:
        """Whether an address or a port was changed."""
        turned = Way(self.reply.target, self.reply.target_port, self.reply.source, self.reply.source_port)
        return self.first != turned

    def __str__(self) -> str:
        return f"{self.protocol} {self.first}, replies {self.reply} ({self.state})"


def _end(address: str, port: int) -> str:
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def connections(host: Host) -> list[Connection]:
    """The connections that a host's kernel tracks now, IPv4 and IPv6; none where it has no need to (no NAT).

    Raises NetlinkError where it may not be asked, or cannot tell.
    """
    what = "list the tracked connections"
    remedy = "it takes the right to administer the network, and the kernel's nf_conntrack_netlink"
    try:
        with Netlink(host.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)) as netlink:
            answers = netlink.ask(Request(_GET, DUMP, struct.pack("!BBH", 0, 0, 0)))
    except NetlinkError as error:
        raise NetlinkError(what, error.number, remedy=remedy) from None
    except OSError as error:
        raise NetlinkError(what, error.errno or 0, remedy=remedy) from None
    found = (parse_connection(body) for kind, body in answers if kind == _NEW)
    return [one for one in found if one]


def parse_connection(body: bytes) -> Connection | None:
    """A row from the body of a netlink message; None where it is cut or of no protocol of IP."""
    found = attributes(body[4:])
    first, reply = _way(found.get(1, b"")), _way(found.get(2, b""))
    if first is None or reply is None:
        return None
    number = attributes(attributes(found[1]).get(2, b"")).get(1, b"\0")[0]
    tcp = attributes(attributes(found.get(4, b"")).get(1, b"")).get(1)
    if tcp:
        state = TCP_STATES[tcp[0]] if tcp[0] < len(TCP_STATES) else str(tcp[0])
    else:
        state = "replied" if int.from_bytes(found.get(3, b"")[:4], "big") & _SEEN_REPLY else "no reply yet"
    seconds = int.from_bytes(found.get(7, b"")[:4], "big")
    return Connection(PROTOCOLS.get(number, str(number)), first, reply, state, seconds)


def _way(data: bytes) -> Way | None:
    tuple_ = attributes(data)
    ends, ports = attributes(tuple_.get(1, b"")), attributes(tuple_.get(2, b""))
    source, target = ends.get(1) or ends.get(3), ends.get(2) or ends.get(4)
    if source is None or target is None or len(source) not in (4, 16) or len(target) != len(source):
        return None
    return Way(ip_text(source), int.from_bytes(ports.get(2, b""), "big"),
               ip_text(target), int.from_bytes(ports.get(3, b""), "big"))  # fmt: skip
