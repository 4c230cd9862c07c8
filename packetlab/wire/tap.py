"""A tap: everything that passes several interfaces, collected in the background, in the order of time.

One thread listens on packet sockets opened inside the hosts, so the same moment is seen at every place. `take`
gives what has come since the last time, as soon as it holds what the caller waits for; no fixed sleeps.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from packetlab.model.errors import UnreachableError
from packetlab.model.frame import Frame
from packetlab.wire.host import Host
from packetlab.wire.packet_socket import PacketDevice

MAX_FRAMES = 100_000
"""Frames kept until they are taken; more are counted in `lost` and let go."""


@dataclass(frozen=True, slots=True)
class TapPoint:
    """An interface to listen at, and what its frames are labelled with."""

    label: str
    host: Host
    interface: str


class Tap:
    """Listens at `points` while the `with` block runs."""

    def __init__(self, points: Sequence[TapPoint]) -> None:
        self.points = tuple(points)
        self.lost = 0
        self._frames: list[Frame] = []
        self._arrived = threading.Condition()
        self._devices: list[tuple[TapPoint, PacketDevice]] = []

    def __enter__(self) -> Self:
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)
        try:
            for point in self.points:
                device = PacketDevice(point.interface, point.host, promiscuous=True)
                self._devices.append((point, device))
                self._selector.register(device, selectors.EVENT_READ, (point, device))
        except BaseException:
            self._close()
            raise
        self._thread = threading.Thread(target=self._listen, name="tap", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake_writer.send(b"x")
        self._thread.join(timeout=5)
        self._close()

    def _close(self) -> None:
        self._selector.close()
        for _, device in self._devices:
            device.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def _listen(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                point, device = key.data
                try:
                    frames = [replace(frame, interface=point.label) for frame in device.receive()]
                except UnreachableError:
                    continue  # it went down, is told so once, and hears again when it is up again
                with self._arrived:
                    room = MAX_FRAMES - len(self._frames)
                    self._frames += frames[:room]
                    self.lost += max(0, len(frames) - room) + device.drops()
                    self._arrived.notify_all()

    def take(self, until: Callable[[list[Frame]], bool] | None = None, timeout: float = 2.0) -> list[Frame]:
        """The frames since the last call, oldest first, once `until` holds for them or `timeout` (s) is over."""
        deadline = time.monotonic() + timeout
        with self._arrived:
            while until is not None and not until(self._frames):
                left = deadline - time.monotonic()
                if left <= 0 or not self._arrived.wait(left):
                    break
            taken, self._frames = self._frames, []
        return sorted(taken, key=lambda frame: frame.time)
