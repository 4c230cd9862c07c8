"""traceroute: the routers on the way to a host."""

import secrets
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from packetlab.internet.traceroute import PROTOCOLS, Answer, Hop, Method, Traceroute
from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.ip_socket import IPDevice
from packetlab.wire.loop import Stop, run
from packetlab.wire.privileges import privileges
from packetlab.wire.recorder import FrameSink, Recorder
from packetlab.wire.resolve import Target, resolve
from packetlab.wire.swallow import silent_port
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

    @property
    def ok(self) -> bool:
        """The target was reached."""
        return self.reached


def traceroute_live(
    host: str, *, method: Method = "icmp", port: int = 0, first_hop: int = 1, max_hops: int = 30, probes: int = 3,
    timeout: float = 1.0, parallel: int = 12, family: int = 0, interface: str = "", via: Host | None = None,
    record: FrameSink | None = None, stop: Stop | None = None,
) -> Live[Answer, TracerouteResult]:  # fmt: skip
    """As `traceroute`, giving each Answer when it is known."""
    if method not in PROTOCOLS:
        raise UsageError(f"no method {method!r}", remedy="use icmp, udp or tcp")
    if not (0 < first_hop <= max_hops <= 255 and 0 < probes <= 10 and timeout > 0 and 0 < parallel <= 64):
        raise UsageError("hops go from 1 to 255, probes from 1 to 10, and the timeout must be positive")
    source = via or LocalHost()
    target = resolve(host, family=family, via=source, interface=interface)
    privileges(None if isinstance(source, LocalHost) else source).require_packet("traceroute")
    number = PROTOCOLS[method][target.family == 6]

    def running() -> Generator[Answer, None, TracerouteResult]:
        kept = KeptFrames(record)
        with ExitStack() as opened:
            device = opened.enter_context(IPDevice(target.address, number, source, interface=interface))
            own_port = 40_000 + secrets.randbelow(20_000)
            if method == "tcp":
                own_port = opened.enter_context(silent_port(target.source, source, interface=target.interface))
            conversation = Traceroute(
                target.source, target.address, method, own_port, port or DEFAULT_PORTS[method], secrets.randbits(16),
                first_hop, max_hops, probes, timeout, parallel,
            )  # fmt: skip
            yield from run(conversation, Recorder(device, kept), stop=stop)
            last = conversation.reached or max_hops
            hops = tuple(hop for _, hop in sorted(conversation.hops.items()) if hop.number <= last)
            met = any(one.kind == "target" for hop in hops for one in hop.answers)
            return TracerouteResult(
                target, method, hops, met, tuple(kept.frames), device.clock, stop is not None and stop.asked
            )

    return Live(running(), target)


def traceroute(host: str, **options: Any) -> TracerouteResult:
    """Find the routers on the way to `host`.

    Options: method ("icmp", "udp", "tcp"), port, first_hop, max_hops, probes (per hop), timeout (seconds each),
    parallel (probes under way at once), family (4, 6), interface, via (Host), record (a sink), stop.
    Errors: PrivilegeError without CAP_NET_RAW, UnreachableError, UsageError.
    """
    return traceroute_live(host, **options).result
