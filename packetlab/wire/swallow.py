"""A local TCP port on which our own kernel stays silent, so that packetlab can speak TCP from it.

When a SYN-ACK arrives for a connection that the kernel does not know, it answers with RST. Here a listening
socket holds the port, and the one-instruction classic BPF program "return 0" on it drops every segment before
TCP sees it: no RST, no firewall rule, no privilege. Raw and packet sockets still see everything.
"""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from packetlab.model.addresses import ip_text
from packetlab.model.errors import UnreachableError, UsageError
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.packet_socket import attach_filter

RETURN_0 = [(0x06, 0, 0, 0)]


@contextmanager
def silent_port(address: bytes, via: Host | None = None, *, port: int = 0, interface: str = "") -> Iterator[int]:
    """Hold a TCP port of our `address` (0: any free one) for as long as the block runs; gives its number.

    UsageError where the port is taken or the address is not ours.
    """
    six = len(address) == 16
    sock = (via or LocalHost()).socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        attach_filter(sock, RETURN_0)
        where = ip_text(address)
        scope = 0
        if interface and address[:2] == b"\xfe\x80":
            from packetlab.wire.packet_socket import interface_index

            scope = interface_index(sock, interface)
        try:
            sock.bind((where, port, 0, scope) if six else (where, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UsageError(
                    f"port {port} of {where} is in use", remedy="leave it out: a free one is found"
                ) from None
            if error.errno == errno.EACCES:
                raise UsageError(f"port {port} is reserved for root", remedy="use one from 1024") from None
            raise UnreachableError(f"{where} is not an address of this host: {error.strerror}") from None
        sock.listen(1)
        yield sock.getsockname()[1]
