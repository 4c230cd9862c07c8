"""handshake: a TCP connection opened and closed by hand, with one port or many."""

import secrets
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Literal

from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.handshake import Handshake, PortResult
from packetlab.transport.tcp import TCP
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.ip_socket import IPDevice
from packetlab.wire.loop import Stop, run
from packetlab.wire.recorder import FrameSink, Recorder
from packetlab.wire.resolve import Target, resolve
from packetlab.wire.swallow import silent_port
from packetlab.wire.verbs.live import KeptFrames, Live

MAX_PORTS = 65_535


@dataclass(frozen=True, slots=True)
class HandshakeResult:
    """What became of each port, and the frames that show it."""

    target: Target
    source_port: int
    ports: tuple[PortResult, ...]
    """In the order in which they were settled."""
    frames: tuple[Frame, ...]
    """Those of these connections, as they were on the wire, in order."""
    clock: str

    @property
    def ok(self) -> bool:
        """Every port is open."""
        return bool(self.ports) and all(port.state == "open" for port in self.ports)


def handshake_live(
    host: str,
    ports: int | Iterable[int],
    *,
    via: Host | None = None,
    family: int = 0,
    interface: str = "",
    finish: Literal["fin", "rst"] = "fin",
    timeout: float = 1.0,
    retries: int = 2,
    ttl: int = 64,
    source_port: int = 0,
    parallel: int = 64,
    record: FrameSink | None = None,
    stop: Stop | None = None,
) -> Live[PortResult, HandshakeResult]:
    """As `handshake`, giving a PortResult for each port as soon as it is settled."""
    wanted = (ports,) if isinstance(ports, int) else tuple(ports)
    if not wanted:
        raise UsageError("no port was given", remedy="name at least one port, such as 80")
    if timeout <= 0 or retries < 0:
        raise UsageError("a timeout must be positive, and retries cannot be negative")
    source = via or LocalHost()
    target = resolve(host, family=family, via=source, interface=interface)

    def running() -> Generator[PortResult, None, HandshakeResult]:
        settled: list[PortResult] = []
        kept = KeptFrames(record)
        with (
            IPDevice(target.address, 6, source, interface=interface) as device,
            silent_port(target.source, source, port=source_port, interface=target.interface) as port,
        ):
            conversation = Handshake(
                target.source, target.address, wanted, port, secrets.randbits(32), finish=finish, timeout=timeout,
                retries=retries, ttl=ttl, parallel=parallel,
                maximum_segment_size=1460 if target.family == 4 else 1440,
            )  # fmt: skip
            recorder = Recorder(device, kept)
            for event in run(conversation, recorder, stop=stop):
                settled.append(event)
                yield event
            # Our last ACK or RST is seen on the wire only now.
            recorder.receive(0.02)
            clock = device.clock
        return HandshakeResult(target, port, tuple(settled), relevant(kept.frames, target, port), clock)

    return Live(running(), target)


def handshake(host: str, ports: int | Iterable[int], **options: object) -> HandshakeResult:
    """Open and close TCP connections to `ports` of `host` by hand, and tell open, closed and filtered apart.

    Options: via (Host), family (4, 6), interface, finish ("fin", "rst"), timeout (seconds for the first try),
    retries, ttl, source_port, parallel, record (a sink for all frames seen), stop.
    Errors: PrivilegeError without CAP_NET_RAW, UnreachableError for an unknown name or no route, UsageError.
    """
    return handshake_live(host, ports, **options).result  # type: ignore[arg-type]


def relevant(frames: Iterable[Frame], target: Target, port: int) -> tuple[Frame, ...]:
    """The frames of our connections, ICMP errors about them among them."""
    found: list[Frame] = []
    for frame in frames:
        packet = decapsulate(frame.data, frame.link_type)
        if _ours(packet, port) or (packet.quoted is not None and _ours(packet.quoted, port)):
            found.append(frame)
    return tuple(found)


def _ours(packet: Packet, port: int) -> bool:
    segment = packet.get(TCP)
    return segment is not None and port in (segment.src_port, segment.dst_port)
