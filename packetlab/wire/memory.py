"""Devices without a kernel: a pair joined by a wire in memory, and one that replays recorded frames.

Each has a pipe that is readable while frames wait, so that the loop waits for it as for a socket. Queues are
bounded; what does not fit is dropped and counted, as a network card would.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable

from packetlab.model.frame import ETHERNET_LINK_TYPE, Frame
from packetlab.model.packet import Packet
from packetlab.wire.device import Device, encoded, now, wait

MAX_QUEUE = 65_536
Clock = Callable[[], int]


class MemoryDevice(Device):
    """One end of a wire in memory. `attach` it to a MemoryWire, or make a pair with `memory_pair`."""

    def __init__(self, interface: str = "memory", link_type: int = ETHERNET_LINK_TYPE, clock: Clock = now) -> None:
        self.interface, self.link_type, self._now = interface, link_type, clock
        self._queue: deque[Frame] = deque()
        self._dropped = 0
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.wire: MemoryWire | None = None

    def send(self, packet: Packet | bytes) -> Frame:
        """Hand a frame to every other device on the wire."""
        data = encoded(packet)
        frame = Frame(data, self._now(), len(data), self.link_type, self.interface, "out")
        if self.wire is not None:
            self.wire.carry(self, frame)
        return frame

    def deliver(self, frame: Frame) -> None:
        """Put a frame into this device's queue."""
        if self._read < 0 or len(self._queue) >= MAX_QUEUE:
            self._dropped += 1
            return
        if not self._queue:
            os.write(self._write, b"!")
        self._queue.append(frame)

    def receive(self, timeout: float | None = 0) -> list[Frame]:
        """All that waits."""
        if not self._queue and timeout != 0:
            wait([self._read], timeout)
        if self._queue:
            os.read(self._read, 1)
        found = list(self._queue)
        self._queue.clear()
        return found

    def drops(self) -> int:
        """Frames that found the queue full since the last call."""
        count, self._dropped = self._dropped, 0
        return count

    def fileno(self) -> int:
        """Readable while frames wait; -1 once closed."""
        return self._read

    def close(self) -> None:
        """Leave the wire."""
        if self._read >= 0:
            os.close(self._read)
            os.close(self._write)
            self._read = self._write = -1
        if self.wire is not None:
            self.wire.devices.remove(self)
            self.wire = None


class MemoryWire:
    """A hub in memory: what one device sends, all others receive."""

    def __init__(self, *devices: MemoryDevice) -> None:
        self.devices: list[MemoryDevice] = []
        for device in devices:
            self.attach(device)

    def attach(self, device: MemoryDevice) -> None:
        """Plug a device in."""
        self.devices.append(device)
        device.wire = self

    def carry(self, sender: MemoryDevice, frame: Frame) -> None:
        """Deliver to everybody but the sender, at the time it was sent."""
        for device in self.devices:
            if device is not sender:
                device.deliver(
                    Frame(frame.data, frame.time, frame.wire_length, frame.link_type, device.interface, "in")
                )


def memory_pair(link_type: int = ETHERNET_LINK_TYPE) -> tuple[MemoryDevice, MemoryDevice]:
    """Two devices joined by a wire."""
    left, right = MemoryDevice("left", link_type), MemoryDevice("right", link_type)
    MemoryWire(left, right)
    return left, right


class ReplayDevice(MemoryDevice):
    """Receives recorded frames, all at once; what is sent goes nowhere. Their times are the recorded ones."""

    def __init__(self, frames: Iterable[Frame], interface: str = "replay") -> None:
        super().__init__(interface)
        for frame in frames:
            self.link_type = frame.link_type
            self.deliver(frame)
