"""ping: is a host there, how long does the way to it and back take, and how much is lost on it?"""

import secrets
from collections.abc import Generator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from packetlab.internet.ping import Ping, PingEvent, Statistics
from packetlab.model.errors import PacketLabError, PrivilegeError, UnreachableError, UsageError
from packetlab.model.frame import Frame
from packetlab.wire.device import Device, now
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.ip_socket import ICMPDevice, IPDevice
from packetlab.wire.lab_only import require_lab
from packetlab.wire.loop import Stop, run
from packetlab.wire.privileges import REMEDY, privileges
from packetlab.wire.recorder import FrameSink, Recorder
from packetlab.wire.resolve import Target, resolve
from packetlab.wire.verbs.live import KeptFrames, Live

LARGEST = 65_507
SHORTEST_INTERVAL = 0.002
"""Seconds between requests outside a lab, as ping allows it to ordinary users."""


@dataclass(frozen=True, slots=True)
class PingResult:
    """What came of it."""

    target: Target
    statistics: Statistics
    frames: tuple[Frame, ...]
    """Whole frames as they were on the wire (the first 10,000); empty over the unprivileged socket."""
    clock: str
    exact: bool
    """Frames and times are those of the wire; False over the unprivileged socket."""
    elapsed: int
    """Nanoseconds."""
    stopped: bool = False
    failure: PacketLabError | None = None
    """Why sending had to end early: the interface went down, the route went away."""

    @property
    def ok(self) -> bool:
        """At least one reply came in time, and nothing kept us from sending."""
        return self.statistics.received > 0 and self.failure is None


def ping_live(
    host: str,
    *,
    count: int | None = 4,
    interval: float = 1.0,
    size: int = 56,
    timeout: float = 1.0,
    ttl: int = 64,
    dont_fragment: bool = False,
    flood: bool = False,
    family: int = 0,
    interface: str = "",
    via: Host | None = None,
    record: FrameSink | None = None,
    stop: Stop | None = None,
) -> Live[PingEvent, PingResult]:
    """As `ping`, giving each reply, error and loss when it happens."""
    if flood:
        require_lab(via, "a flood is allowed")
    elif interval < SHORTEST_INTERVAL:
        require_lab(via, f"less than {SHORTEST_INTERVAL * 1000:g} ms between requests are allowed")
    if not 0 <= size <= LARGEST:
        raise UsageError(f"{size} bytes of data do not fit into an IP packet", remedy=f"0 to {LARGEST} do")
    if timeout <= 0 or not 0 < ttl < 256 or (count is not None and count < 1):
        raise UsageError("count and timeout must be positive, and the TTL 1 to 255")
    source = via or LocalHost()
    target = resolve(host, family=family, via=source, interface=interface)

    def running() -> Generator[PingEvent, None, PingResult]:
        kept = KeptFrames(record)
        device = _open(target, source, interface, need_exact=record is not None)
        with device:
            identifier = device.identifier if isinstance(device, ICMPDevice) else secrets.randbits(16)
            address = ip_address(target.address)
            conversation = Ping(
                target.source, target.address, identifier, count=count, interval=interval, timeout=timeout,
                data=pattern(size), ttl=ttl, dont_fragment=dont_fragment, flood=flood,
                any_sender=address.is_multicast or target.address == b"\xff" * 4,
            )  # fmt: skip
            used: Device = Recorder(device, kept) if device.exact else device
            begin = last = now()
            failure = None
            try:
                for event in run(conversation, used, stop=stop):
                    last = event.time
                    yield event
            except UnreachableError as error:
                if conversation.statistics.sent <= 1:
                    raise
                conversation.statistics.sent -= 1
                failure = error  # what came before is not lost
            if device.exact:
                used.receive(0)
        return PingResult(target, conversation.statistics, tuple(kept.frames), device.clock, device.exact,
                          max(0, last - begin), stop is not None and stop.asked, failure)  # fmt: skip

    return Live(running(), target)


def ping(host: str, **options: Any) -> PingResult:
    """Send ICMP or ICMPv6 echo requests to `host` and judge the replies.

    Options: count (None: until stopped), interval (seconds), size (bytes of data), timeout (seconds), ttl,
    dont_fragment, flood (in a lab only), family (4, 6), interface, via (Host), record (a sink for the frames), stop.
    Errors: PrivilegeError where neither raw nor ICMP sockets are allowed, UnreachableError, UsageError.
    """
    return ping_live(host, **options).result


def pattern(size: int) -> bytes:
    """Data for a request: 8 random bytes that no other ping has, then counting bytes that show any damage."""
    return (secrets.token_bytes(8) + bytes(each & 0xFF for each in range(8, max(size, 8))))[:size]


def _open(target: Target, source: Host, interface: str, *, need_exact: bool) -> IPDevice | ICMPDevice:
    allowed = privileges(None if isinstance(source, LocalHost) else source)
    six = target.family == 6
    if allowed.packet and (allowed.raw6 if six else allowed.raw):
        return IPDevice(target.address, 58 if six else 1, source, interface=interface or _link(target))
    if need_exact:
        allowed.require_packet("recording whole frames")
    if allowed.icmp6 if six else allowed.icmp:
        return ICMPDevice(target.address, source, interface=interface or _link(target))
    raise PrivilegeError(
        "ping needs raw sockets (CAP_NET_RAW), or an ICMP socket, which net.ipv4.ping_group_range gives to no group "
        "of this user",
        remedy='sudo sysctl net.ipv4.ping_group_range="0 2147483647"; or: ' + REMEDY,
    )


def _link(target: Target) -> str:
    """A link-local address means nothing without its link."""
    return target.interface if target.address[:2] == b"\xfe\x80" or target.address[:1] == b"\xff" else ""
