"""The frames of one connection, or of the datagrams of one socket, as they are on the wire."""

import time

from packetlab.internet.either import ip_header
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import Fragment, IPv6
from packetlab.model.errors import PrivilegeError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP
from packetlab.wire.host import Host
from packetlab.wire.ip_socket import watch_program
from packetlab.wire.packet_socket import PacketDevice
from packetlab.wire.privileges import REMEDY
from packetlab.wire.recorder import FrameSink
from packetlab.wire.resolve import Target
from packetlab.wire.verbs.live import KeptFrames

LAST_MOMENT = 0.3
"""Seconds to wait for the last segments after both programs have closed."""

ERRORS = {1: (b"\3", b"\4", b"\5", b"\13", b"\14"), 58: (b"\1", b"\2", b"\3", b"\4")}
"""Types of ICMP and ICMPv6 messages that quote a packet (octal: 11 time exceeded, 12 parameter problem)."""


class Watcher:
    """A packet socket on the interface that packets to `target` will use, opened before they are sent.

    What it has seen of our TCP segments (UDP datagrams), and ICMP errors about them, goes to `kept`. Frames wait in
    the kernel until `take` or `finish` is told which ports are ours. Where packet sockets are not allowed, `device`
    is None and `why_not` says why.
    """

    def __init__(self, target: Target, via: Host, kept: KeptFrames, *, udp: bool = False) -> None:
        self._kept, self._peer = kept, target.address
        self._kind: type[TCP] | type[UDP] = UDP if udp else TCP
        self._fins, self._over = 0, False
        self.device: PacketDevice | None = None
        self.why_not = ""
        try:
            program = watch_program(target.address, 17 if udp else 6)
            self.device = PacketDevice(target.interface, via, program=program)
        except PrivilegeError as error:
            self.why_not = str(error)

    def take(self, own: int, port: int, timeout: float = 0) -> None:
        """Sort out what has arrived: frames between our port and the peer's are kept."""
        for frame in self.device.receive(timeout) if self.device is not None else ():
            if frame.interface == "lo" and frame.direction == "in":
                continue  # over loopback every frame is seen twice: as it leaves and as it arrives
            packet = _apart(frame)
            if not any(self._ours(each, own, port) for each in (packet, packet.quoted) if each is not None):
                continue
            self._kept.write(frame)
            segment = packet.get(TCP) if packet.quoted is None else None
            if segment is not None:
                self._fins += bool(segment.flags & TCP.FIN)
                self._over |= bool(segment.flags & TCP.RST) or (self._fins >= 2 and not segment.flags & TCP.FIN)

    def finish(self, own: int, port: int) -> None:
        """Take all frames, until both sides of a TCP connection have closed or a moment has passed."""
        deadline = time.monotonic() + LAST_MOMENT
        while self.device is not None and not self._over and (left := deadline - time.monotonic()) > 0:
            self.take(own, port, min(left, 0.05))

    def close(self) -> None:
        """Close the packet socket."""
        if self.device is not None:
            self.device.close()

    def _ours(self, packet: Packet, own: int, port: int) -> bool:
        """Whether a packet goes between our port and the peer's."""
        inner, header = packet.get(self._kind), ip_header(packet)
        if header is None or self._peer not in (header.src, header.dst):
            return False
        if inner is not None:
            return not inner.is_cut and {inner.src_port, inner.dst_port} == {own, port}
        # Only the first fragment of a datagram has its ports.
        fragment = packet.get(Fragment) or header
        return self._kind is UDP and bool(getattr(fragment, "fragment_offset", 0))


def _apart(frame: Frame) -> Packet:
    """The frame taken apart; ICMP is loaded where an error is met, which is seldom."""
    packet = decapsulate(frame.data, frame.link_type)
    last = packet.layers[-1] if packet.layers else None
    number = last.protocol if isinstance(last, IPv4) else last.next_header if isinstance(last, IPv6) else 0
    if number not in (1, 58) or packet.payload[:1] not in ERRORS[number]:
        return packet
    import packetlab.internet.icmp
    import packetlab.internet.icmpv6  # noqa: F401

    return decapsulate(frame.data, frame.link_type)


def recorder(target: Target, via: Host, record: FrameSink, *, udp: bool = False) -> Watcher:
    """A watcher that hands frames on to `record`. PrivilegeError where packet sockets are not allowed."""
    watcher = Watcher(target, via, KeptFrames(record), udp=udp)
    require(watcher)
    return watcher


def require(watcher: Watcher) -> None:
    """PrivilegeError where it sees nothing, and recording was asked for."""
    if watcher.device is None:
        raise PrivilegeError(f"recording is not possible: {watcher.why_not}", remedy=REMEDY)
