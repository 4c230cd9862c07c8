"""Who listens in a host: the sockets of its network, asked of the kernel (sock_diag(7)) without touching one."""

import errno
import socket
import struct
from contextlib import closing
from typing import TYPE_CHECKING

from packetlab.wire.netlink import DUMP, Netlink, NetlinkError, Request

if TYPE_CHECKING:
    from packetlab.net.host import VirtualHost

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
LISTEN, UNCONNECTED = 10, 7
"""States of a TCP socket that takes connections, and of a UDP socket that takes from everybody."""
_REQUEST = struct.Struct("=BBBxI48x")
_ANSWER = struct.Struct("=BB2x2sH")


def listening(host: "VirtualHost") -> set[tuple[str, int]] | None:
    """(protocol, port) of the sockets that take connections or datagrams; None where this kernel does not tell."""
    found = set()
    try:
        with closing(host.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)) as opened:
            netlink = Netlink(opened)
            for family in (socket.AF_INET, socket.AF_INET6):
                for name, protocol, state in (("TCP", socket.IPPROTO_TCP, LISTEN),
                                              ("UDP", socket.IPPROTO_UDP, UNCONNECTED)):  # fmt: skip
                    wanted = _REQUEST.pack(family, protocol, 0, 1 << state)
                    for _, body in netlink.ask(Request(SOCK_DIAG_BY_FAMILY, DUMP, wanted, "list sockets")):
                        if len(body) >= _ANSWER.size:
                            _, _, raw, _ = _ANSWER.unpack_from(body)
                            found.add((name, int.from_bytes(raw, "big")))
    except NetlinkError:
        return None
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
            return None
        raise
    return found
