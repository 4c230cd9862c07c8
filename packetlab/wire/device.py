"""Device: where frames leave and arrive. Devices stack: a recorder wraps any other.

A device says how exact it is: `clock` names what stamped its frames, `exact` is False where the kernel keeps
headers back and the device had to fill them in from what the kernel told (the unprivileged ICMP socket).
Sockets come from a host (wire/host.py), which may be another network namespace than this process's own.
"""

import socket
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from packetlab.model.frame import ETHERNET_LINK_TYPE, Frame
from packetlab.model.packet import Packet, decapsulate

SO_TIMESTAMPNS = 35
"""asm-generic/socket.h: the same number asks for the time and names the control message that carries it."""
KERNEL_CLOCK = "kernel (SO_TIMESTAMPNS)"
PROCESS_CLOCK = "process (CLOCK_REALTIME)"
ControlMessages = Iterable[tuple[int, int, bytes]]


class Device(ABC):
    """Frames in, frames out. A context manager; closing twice does nothing."""

    interface: str = ""
    link_type: int = ETHERNET_LINK_TYPE
    clock: str = PROCESS_CLOCK
    """What stamps the frames that it receives."""
    exact: bool = True
    """The bytes of its frames are those of the wire."""
    sees_own: bool = False
    """What is sent comes back from `receive` with direction "out", as it left and with the kernel's time."""

    @abstractmethod
    def send(self, packet: Packet | bytes) -> Frame:
        """Send at once. The frame has the bytes handed over and the time just before.

        UnreachableError where it cannot leave this host, PrivilegeError where the kernel forbids it.
        """

    @abstractmethod
    def receive(self, timeout: float | None = 0) -> list[Frame]:
        """Frames that have arrived, waiting up to `timeout` seconds (None: for ever) for the first."""

    @abstractmethod
    def fileno(self) -> int:
        """Readable where `receive` has something."""

    def close(self) -> None:  # noqa: B027 - some have nothing to close
        """Give everything back to the system."""

    def packet(self, frame: Frame) -> Packet:
        """The frame taken apart."""
        return decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)

    def drops(self) -> int:
        """Frames that the kernel threw away since the last call because nobody read them in time."""
        return 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def ask_for_timestamps(sock: socket.socket) -> str:
    """Ask the kernel to stamp what arrives; returns the name of the clock that will be used."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return PROCESS_CLOCK
    return KERNEL_CLOCK


def kernel_time(messages: ControlMessages) -> int | None:
    """Nanoseconds since 1970 from the control messages of recvmsg; None where the kernel gave no time."""
    for level, kind, data in messages:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= 16:
            seconds, nanoseconds = struct.unpack_from("@qq", data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return None


def encoded(packet: Packet | bytes) -> bytes:
    """The bytes to send."""
    return packet.encapsulate() if isinstance(packet, Packet) else bytes(packet)


def wait(descriptors: Iterable[Any], timeout: float | None) -> list[Any]:
    """Those of the descriptors (or objects with a fileno) that are readable within `timeout` seconds."""
    import selectors

    with selectors.DefaultSelector() as selector:
        for each in descriptors:
            selector.register(each, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(timeout)]


def now() -> int:
    """This process's time, in nanoseconds since 1970: the clock of the kernel's timestamps."""
    return time.time_ns()
