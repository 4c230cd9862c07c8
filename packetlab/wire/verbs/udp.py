"""udp: one datagram to a port, and what comes back; or an echo for those that others send."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from packetlab.internet.either import error_words
from packetlab.model.addresses import ip_text
from packetlab.model.errors import UnreachableError, UsageError
from packetlab.wire.device import wait
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.ip_socket import ask_for_errors, socket_errors
from packetlab.wire.loop import Stop
from packetlab.wire.resolve import Target, resolve

LARGEST = 65_507
"""Bytes of data that fit into one UDP datagram over IPv4 (RFC 768)."""


@dataclass(frozen=True, slots=True)
class UDPResult:
    """What became of a datagram."""

    target: Target
    port: int
    sent: bytes
    reply: bytes | None
    rtt: int | None
    """Nanoseconds until the reply or the error."""
    text: str
    """What happened, as a sentence."""
    answered_by: str = ""
    """Who sent an ICMP error."""

    @property
    def ok(self) -> bool:
        """Something came back that is no error."""
        return self.reply is not None


def udp(
    host: str, port: int, data: bytes = b"", *, via: Host | None = None, family: int = 0, timeout: float = 1.0,
    source_port: int = 0, stop: Stop | None = None,
) -> UDPResult:  # fmt: skip
    """Send `data` to a port and wait `timeout` seconds for a reply or an ICMP error.

    `source_port` 0 is any free port of ours.
    """
    if not 0 < port < 65_536:
        raise UsageError(f"there is no port {port}", remedy="ports go from 1 to 65535")
    if len(data) > LARGEST:
        raise UsageError(f"{len(data)} bytes do not fit into a datagram", remedy=f"{LARGEST} do")
    source = via or LocalHost()
    target = resolve(host, family=family, via=source)
    six = target.family == 6
    with source.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        ask_for_errors(sock)
        sock.setblocking(False)
        if source_port:
            try:
                sock.bind(("::" if six else "0.0.0.0", source_port))
            except OSError as error:
                cause = f"nothing can be sent from port {source_port}: {error.strerror}"
                raise UsageError(cause, remedy="choose another") from None
        start = time.monotonic_ns()
        try:
            sock.connect((ip_text(target.address), port))
            sock.send(data)
        except OSError as error:
            raise UnreachableError(f"nothing can be sent to {target}: {error.strerror}") from None
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0 and not (stop is not None and stop.asked):
            if not wait([sock, stop] if stop is not None else [sock], left):
                break
            took = time.monotonic_ns() - start
            for one in socket_errors(sock):
                name, words = error_words(one.icmp_type, one.icmp_code, six=six, mtu=one.info)
                who = ip_text(one.offender) if one.offender else "this machine"
                return UDPResult(target, port, data, None, took, f"{name}: {words}", who)
            try:
                reply = sock.recv(65_535)
            except OSError:
                continue
            return UDPResult(target, port, data, reply, took, f"{len(reply)} bytes came back")
    text = (
        f"nothing came back within {timeout:g} s: the datagram was lost, a firewall dropped it, or whoever has the "
        "port does not answer; UDP does not say which"
    )
    return UDPResult(target, port, data, None, None, text)


def udp_echo(
    port: int, *, via: Host | None = None, count: int | None = None, seconds: float | None = None,
    stop: Stop | None = None,
) -> Iterator[tuple[str, int, bytes]]:  # fmt: skip
    """Send every datagram that arrives on `port` back to its sender; yields (address, port, data) of each.

    Ends after `count` datagrams or so many `seconds`, or when asked to stop.
    """
    source = via or LocalHost()
    with _either_socket(source) as sock:
        try:
            sock.bind(("::" if sock.family == socket.AF_INET6 else "0.0.0.0", port))
        except OSError as error:
            raise UsageError(f"nobody can listen on port {port}: {error.strerror}", remedy="choose another") from None
        deadline = None if seconds is None else time.monotonic() + seconds
        left = count
        while (left is None or left > 0) and not (stop is not None and stop.asked):
            patience = None if deadline is None else deadline - time.monotonic()
            if patience is not None and patience <= 0:
                return
            ready = wait([sock, stop] if stop is not None else [sock], patience)
            if sock not in ready:
                continue
            try:
                data, peer = sock.recvfrom(65_535)
                sock.sendto(data, peer)
            except OSError:
                continue  # one peer that cannot be answered (port 0, no way back) must not end it for the others
            left = None if left is None else left - 1
            yield peer[0].removeprefix("::ffff:"), peer[1], data


def _either_socket(source: Host) -> socket.socket:
    """A UDP socket for IPv6 and IPv4; for IPv4 alone where the machine has no IPv6."""
    try:
        sock = source.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    except OSError:
        return source.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    return sock
