"""udp: one datagram or several to a port, and what comes back; or an echo for those that others send."""

import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packetlab.internet.either import error_words
from packetlab.model.addresses import ip_text
from packetlab.model.errors import UnreachableError, UsageError
from packetlab.wire.device import wait
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.ip_socket import ask_for_errors, socket_address, socket_errors
from packetlab.wire.lab_only import require_lab
from packetlab.wire.loop import Stop
from packetlab.wire.resolve import Target, resolve
from packetlab.wire.verbs.listening import bind_source, listening_socket, plain_address

if TYPE_CHECKING:
    from packetlab.wire.recorder import FrameSink
    from packetlab.wire.verbs.watching import Watcher

LARGEST = 65_507
"""Bytes of data that fit into one UDP datagram over IPv4 (RFC 768)."""
SHORTEST_INTERVAL = 0.002
"""Seconds between datagrams outside a lab."""
MOST_REPLIES = 10_000
"""Replies that a series keeps; it hears no more after them."""


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


@dataclass(frozen=True, slots=True)
class UDPSeries:
    """What became of several datagrams."""

    target: Target
    port: int
    sent: int
    replies: tuple[bytes, ...]
    """What came back, in that order; which datagram a reply is for, UDP does not say."""
    errors: tuple[str, ...]
    """ICMP errors, as sentences; each once."""

    @property
    def ok(self) -> bool:
        """Something came back that is no error."""
        return bool(self.replies)


def udp(
    host: str, port: int, data: bytes = b"", *, via: Host | None = None, family: int = 0, timeout: float = 1.0,
    source_port: int = 0, ttl: int = 0, record: "FrameSink | None" = None, stop: Stop | None = None,
) -> UDPResult:  # fmt: skip
    """Send `data` to a port and wait `timeout` seconds for a reply or an ICMP error.

    `source_port` 0 is any free port of ours; `ttl` 0 is the system's TTL or hop limit. `record` is given the frames;
    PrivilegeError where that is not allowed.
    """
    target = _target(host, port, len(data), family, via)
    with _connected(target, port, source_port, ttl, via, record) as (sock, _):
        start = time.monotonic_ns()
        _send(sock, data, target)
        for reply, error, who in _came(sock, target, time.monotonic() + timeout, stop):
            took = time.monotonic_ns() - start
            if reply is None:
                return UDPResult(target, port, data, None, took, error, who)
            return UDPResult(target, port, data, reply, took, f"{len(reply)} bytes came back")
    text = (
        f"nothing came back within {timeout:g} s: the datagram was lost, a firewall dropped it, or whoever has the "
        "port does not answer; UDP does not say which"
    )
    return UDPResult(target, port, data, None, None, text)


def udp_series(
    host: str, port: int, datagrams: Sequence[bytes], *, via: Host | None = None, family: int = 0,
    interval: float = SHORTEST_INTERVAL, timeout: float = 1.0, source_port: int = 0, ttl: int = 0,
    record: "FrameSink | None" = None, stop: Stop | None = None,
) -> UDPSeries:  # fmt: skip
    """Send several datagrams from one port, `interval` seconds apart, and hear what comes back.

    It ends when as many replies have come, or `timeout` seconds after the last datagram.
    """
    if interval < SHORTEST_INTERVAL:
        require_lab(via, f"less than {SHORTEST_INTERVAL * 1000:g} ms between datagrams are allowed")
    target = _target(host, port, max(map(len, datagrams), default=0), family, via)
    replies: list[bytes] = []
    errors: dict[str, None] = {}
    sent = 0
    with _connected(target, port, source_port, ttl, via, record) as (sock, take):
        due = time.monotonic()
        for data in datagrams:
            _hear(_came(sock, target, due, stop), replies, errors)
            if stop is not None and stop.asked:
                break
            _send(sock, data, target)
            sent, due = sent + 1, due + interval
            take()
        _hear(_came(sock, target, time.monotonic() + timeout, stop), replies, errors, enough=sent)
    return UDPSeries(target, port, sent, tuple(replies), tuple(errors))


def _hear(
    came: Iterator[tuple[bytes | None, str, str]], replies: list[bytes], errors: dict[str, None], enough: int = 0
) -> None:
    for reply, error, who in came:
        if reply is None:
            errors[f"{who} says: {error}"] = None
        else:
            replies.append(reply)
        if len(replies) >= MOST_REPLIES:
            return
        if 0 < enough <= len(replies):
            return


def _target(host: str, port: int, size: int, family: int, via: Host | None) -> Target:
    if not 0 < port < 65_536:
        raise UsageError(f"there is no port {port}", remedy="ports go from 1 to 65535")
    if size > LARGEST:
        raise UsageError(f"{size} bytes do not fit into a datagram", remedy=f"{LARGEST} do")
    return resolve(host, family=family, via=via)


@contextmanager
def _connected(
    target: Target, port: int, source_port: int, ttl: int, via: Host | None, record: "FrameSink | None"
) -> Iterator[tuple[socket.socket, Callable[[], None]]]:
    """A socket that sends to one port and hears of errors, and what hands frames on to `record`."""
    six, source = target.family == 6, via or LocalHost()
    with ExitStack() as opened:
        watcher: Watcher | None = None
        if record is not None:
            from packetlab.wire.verbs.watching import recorder

            watcher = recorder(target, source, record, udp=True)
            opened.callback(watcher.close)
        sock = opened.enter_context(source.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM))
        ask_for_errors(sock)
        sock.setblocking(False)
        if ttl:
            level, name = (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS) if six else (socket.IPPROTO_IP, socket.IP_TTL)
            sock.setsockopt(level, name, ttl)
        bind_source(sock, source_port)
        try:
            sock.connect(socket_address(sock, target.address, port, target.interface))
        except OSError as error:
            raise UnreachableError(f"nothing can be sent to {target}: {error.strerror}") from None
        own = sock.getsockname()[1]

        def take() -> None:
            if watcher is not None:
                watcher.take(own, port)

        opened.callback(take)
        yield sock, take


def _send(sock: socket.socket, data: bytes, target: Target) -> None:
    for _ in range(2):
        try:
            sock.send(data)
            return
        except BlockingIOError:
            select.select([], [sock], [], 1)
        except ConnectionRefusedError:
            continue  # what an ICMP error said about an earlier datagram; this one has not been sent yet
        except OSError as error:
            raise UnreachableError(f"nothing can be sent to {target}: {error.strerror}") from None


def _came(
    sock: socket.socket, target: Target, deadline: float, stop: Stop | None
) -> Iterator[tuple[bytes | None, str, str]]:
    """(reply, "", "") or (None, error, who sent it) for all that comes until the deadline."""
    while not (stop is not None and stop.asked):
        left = deadline - time.monotonic()
        if not wait([sock, stop] if stop is not None else [sock], max(left, 0)):
            return
        for one in socket_errors(sock):
            name, words = error_words(one.icmp_type, one.icmp_code, six=target.family == 6, mtu=one.info)
            yield None, f"{name}: {words}", ip_text(one.offender) if one.offender else "this machine"
        try:
            yield sock.recv(65_535), "", ""
        except OSError:
            pass
        if left <= 0:
            return


def udp_echo(
    port: int, *, via: Host | None = None, count: int | None = None, seconds: float | None = None,
    stop: Stop | None = None,
) -> Iterator[tuple[str, int, bytes]]:  # fmt: skip
    """Send every datagram that arrives on `port` back to its sender; yields (address, port, data) of each.

    Ends after `count` datagrams or so many `seconds`, or when asked to stop.
    """
    source = via or LocalHost()
    with listening_socket(source, socket.SOCK_DGRAM, port) as sock:
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
            yield plain_address(peer[0]), peer[1], data
