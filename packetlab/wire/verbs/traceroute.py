"""traceroute: the routers on the way to a host."""

import secrets
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from packetlab.internet.traceroute import PROTOCOLS, Answer, Hop, Method, Traceroute
from packetlab.model.errors import PrivilegeError, UsageError
from packetlab.model.frame import Frame
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.ip_socket import IPDevice
from packetlab.wire.loop import Stop, run
from packetlab.wire.privileges import REMEDY, privileges
from packetlab.wire.recorder import FrameSink, Recorder
from packetlab.wire.resolve import Target, resolve
from packetlab.wire.swallow import silent_port
from packetlab.wire.udp_socket import UDPDevice
from packetlab.wire.verbs.live import KeptFrames, Live

DEFAULT_PORTS = {"icmp": 0, "udp": 33_434, "tcp": 80}


@dataclass(frozen=True, slots=True)
class TracerouteResult:
    """The way, hop by hop."""

    target: Target
    method: Method
    hops: tuple[Hop, ...]
    reached: bool
    """The target itself answered."""
    frames: tuple[Frame, ...]
    clock: str
    stopped: bool = False
    exact: bool = True
    """Frames are those of the wire; False for the unprivileged socket, whose frames are not kept."""

    @property
    def ok(self) -> bool:
        """The target was reached."""
        return self.reached


def traceroute_live(
    host: str, *, method: Method | None = None, port: int = 0, first_hop: int = 1, max_hops: int = 30, probes: int = 3,
    timeout: float = 1.0, parallel: int = 12, family: int = 0, interface: str = "", via: Host | None = None,
    record: FrameSink | None = None, stop: Stop | None = None,
) -> Live[Answer, TracerouteResult]:  # fmt: skip
    """As `traceroute`, giving each Answer when it is known."""
    if method is not None and method not in PROTOCOLS:
        raise UsageError(f"no method {method!r}", remedy="use icmp, udp or tcp")
    if not (0 < first_hop <= max_hops <= 255 and 0 < probes <= 10 and timeout > 0 and 0 < parallel <= 64):
        raise UsageError("hops go from 1 to 255, probes from 1 to 10, and the timeout must be positive")
    source = via or LocalHost()
    target = resolve(host, family=family, via=source, interface=interface)
    allowed = privileges(None if isinstance(source, LocalHost) else source)
    exact = allowed.packet and (allowed.raw6 if target.family == 6 else allowed.raw)
    if not exact and (method not in (None, "udp") or record is not None):
        what = "recording what traceroute sends" if record is not None else f"traceroute with {method} probes"
        other = "" if record is not None else "--udp needs no privilege; "
        raise PrivilegeError(f"{what} needs raw sockets (CAP_NET_RAW), which this user lacks", remedy=other + REMEDY)
    chosen: Method = method or ("icmp" if exact else "udp")
    number, to_port = PROTOCOLS[chosen][target.family == 6], port or DEFAULT_PORTS[chosen]

    def running() -> Generator[Answer, None, TracerouteResult]:
        kept = KeptFrames(record)
        with ExitStack() as opened:
            device: IPDevice | UDPDevice
            own, own_port = target.source, 40_000 + secrets.randbelow(20_000)
            if exact:
                device = opened.enter_context(IPDevice(target.address, number, source, interface=interface))
            else:
                device = opened.enter_context(UDPDevice(target.address, to_port, source, interface=interface))
                own, own_port = device.address, device.identifier
            if chosen == "tcp":
                own_port = opened.enter_context(silent_port(target.source, source, interface=target.interface))
            conversation = Traceroute(
                own, target.address, chosen, own_port, to_port,
                secrets.randbits(16), first_hop, max_hops, probes, timeout, parallel, not exact,
            )  # fmt: skip
            yield from run(conversation, Recorder(device, kept) if exact else device, stop=stop)
            last = conversation.reached or max_hops
            hops = tuple(hop for _, hop in sorted(conversation.hops.items()) if hop.number <= last)
            met = any(one.kind == "target" for hop in hops for one in hop.answers)
            return TracerouteResult(
                target, chosen, hops, met, tuple(kept.frames), device.clock, stop is not None and stop.asked, exact
            )

    return Live(running(), target)


def traceroute(host: str, **options: Any) -> TracerouteResult:
    """Find the routers on the way to `host`.

    Options: method ("icmp", "udp", "tcp"; by default "icmp", or "udp" without CAP_NET_RAW), port, first_hop,
    max_hops, probes (per hop), timeout (seconds each),
    parallel (probes under way at once), family (4, 6), interface, via (Host), record (a sink), stop.
    Errors: PrivilegeError for "icmp", "tcp" or record without CAP_NET_RAW, UnreachableError, UsageError.
    """
    return traceroute_live(host, **options).result
