"""A device that writes every frame it sends and receives to a capture, as it was on the wire.

It takes anything with `write(frame)` (a capture.CaptureWriter, a list's append in a tiny wrapper), so that the
wire does not depend on file formats. Where the device sees its own frames, the seen one is written and not the
one handed over.
"""

from typing import Protocol

from packetlab.model.errors import PrivilegeError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.wire.device import Device
from packetlab.wire.privileges import REMEDY


class FrameSink(Protocol):
    """Where frames are written."""

    def write(self, frame: Frame) -> None:
        """Take one frame."""


class Recorder(Device):
    """Wraps `inner`; closing it closes `inner`, not the sink. PrivilegeError where `inner` is not exact."""

    def __init__(self, inner: Device, sink: FrameSink) -> None:
        if not inner.exact:
            raise PrivilegeError(
                "recording needs packet sockets (CAP_NET_RAW): this user's socket does not show whole frames",
                remedy=REMEDY,
            )
        self.inner, self.sink = inner, sink
        self.interface, self.link_type = inner.interface, inner.link_type
        self.clock, self.sees_own = inner.clock, inner.sees_own

    def send(self, packet: Packet | bytes) -> Frame:
        """Send through the inner device."""
        frame = self.inner.send(packet)
        if not self.inner.sees_own:
            self.sink.write(frame)
        return frame

    def receive(self, timeout: float | None = 0) -> list[Frame]:
        """Receive from the inner device."""
        frames = self.inner.receive(timeout)
        for frame in frames:
            # Over loopback every frame is seen twice: as it leaves and as it arrives.
            if not (self.sees_own and frame.interface == "lo" and frame.direction == "in"):
                self.sink.write(frame)
        return frames

    def packet(self, frame: Frame) -> Packet:
        """As the inner device takes it apart."""
        return self.inner.packet(frame)

    def drops(self) -> int:
        """Of the inner device."""
        return self.inner.drops()

    def fileno(self) -> int:
        """Of the inner device."""
        return self.inner.fileno()

    def close(self) -> None:
        """Take what still waits (our last frames), and close the inner device."""
        if self.inner.fileno() >= 0:
            self.receive(0)
        self.inner.close()
