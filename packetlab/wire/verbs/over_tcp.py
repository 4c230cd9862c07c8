"""What verbs over the kernel's own TCP share: the time of each stage, and the frames of one connection."""

import time
from dataclasses import dataclass

from packetlab.internet.either import ip_header
from packetlab.model.errors import PrivilegeError
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.tcp import TCP
from packetlab.wire.host import Host
from packetlab.wire.ip_socket import watch_program
from packetlab.wire.packet_socket import PacketDevice
from packetlab.wire.resolve import Target
from packetlab.wire.verbs.live import KeptFrames

LAST_MOMENT = 0.3
"""Seconds to wait for the last segments after both programs have closed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the exchange and how long it took, in nanoseconds."""

    name: str
    duration: int
    text: str


class StageClock:
    """Measures stages, each from the end of the one before."""

    def __init__(self) -> None:
        self._last = time.monotonic_ns()
        self.stages: list[Stage] = []

    def begin(self) -> None:
        """The next stage begins now."""
        self._last = time.monotonic_ns()

    def stage(self, name: str, text: str) -> Stage:
        """A stage ends now."""
        now = time.monotonic_ns()
        made = Stage(name, now - self._last, text)
        self.stages.append(made)
        self._last = now
        return made


class ConnectionWatcher:
    """A packet socket on the interface that a connection will use, opened before it; without one, `why_not` says why.

    What it has seen of the connection, and ICMP errors about it, goes to `kept`. Frames wait in the kernel until
    `take` or `finish` is told which ports are ours.
    """

    def __init__(self, target: Target, via: Host, kept: KeptFrames) -> None:
        self._kept, self._peer = kept, target.address
        self._fins, self._over = 0, False
        self.device: PacketDevice | None = None
        self.why_not = ""
        try:
            self.device = PacketDevice(target.interface, via, program=watch_program(target.address, 6))
        except PrivilegeError as error:
            self.why_not = str(error)

    def take(self, own: int, port: int, timeout: float = 0) -> None:
        """Sort out what has arrived: frames between our port and the peer's are kept."""
        for frame in self.device.receive(timeout) if self.device is not None else ():
            if frame.interface == "lo" and frame.direction == "in":
                continue  # over loopback every frame is seen twice: as it leaves and as it arrives
            packet = decapsulate(frame.data, frame.link_type)
            segment = self._segment(packet, own, port)
            if segment is None and (packet.quoted is None or self._segment(packet.quoted, own, port) is None):
                continue
            self._kept.write(frame)
            if segment is not None:
                self._fins += bool(segment.flags & TCP.FIN)
                self._over |= bool(segment.flags & TCP.RST) or (self._fins >= 2 and not segment.flags & TCP.FIN)

    def finish(self, own: int, port: int) -> None:
        """Take all frames, until both sides have closed or a moment has passed."""
        deadline = time.monotonic() + LAST_MOMENT
        while self.device is not None and not self._over and (left := deadline - time.monotonic()) > 0:
            self.take(own, port, min(left, 0.05))

    def close(self) -> None:
        """Close the packet socket."""
        if self.device is not None:
            self.device.close()

    def _segment(self, packet: Packet, own: int, port: int) -> TCP | None:
        """The segment of a packet, if it is one between our port and the peer's."""
        segment, header = packet.get(TCP), ip_header(packet)
        if segment is None or segment.is_cut or {segment.src_port, segment.dst_port} != {own, port}:
            return None
        return segment if header is not None and self._peer in (header.src, header.dst) else None
