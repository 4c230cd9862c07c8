"""Live: a running verb. Iterate it for its events; its result stands in `result` at the end."""

from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

from packetlab.model.frame import Frame
from packetlab.wire.recorder import FrameSink
from packetlab.wire.resolve import Target

Event = TypeVar("Event")
Result = TypeVar("Result")
MAX_KEPT = 10_000
"""Frames that a result keeps; more are only counted."""


class Live(Generic[Event, Result]):
    """A verb under way. Closing it, or leaving the loop over it, closes its sockets."""

    def __init__(self, running: Generator[Event, None, Result], target: Target | None = None) -> None:
        self._running = running
        self._target = target
        self._result: Result | None = None

    def __iter__(self) -> Iterator[Event]:
        self._result = yield from self._running

    @property
    def result(self) -> Result:
        """The result; runs to the end first where nobody iterated."""
        if self._result is None:
            for _ in self:
                pass
        assert self._result is not None
        return self._result

    @property
    def target(self) -> Target:
        """Who was asked, known before the first event."""
        assert self._target is not None
        return self._target

    def close(self) -> None:
        """Stop at once."""
        self._running.close()


class KeptFrames:
    """A sink that keeps the first MAX_KEPT frames and hands every frame on to another sink."""

    def __init__(self, onward: FrameSink | None = None) -> None:
        self.frames: list[Frame] = []
        self.count = 0
        self._onward = onward

    def write(self, frame: Frame) -> None:
        """Keep it and hand it on."""
        self.count += 1
        if len(self.frames) < MAX_KEPT:
            self.frames.append(frame)
        if self._onward is not None:
            self._onward.write(frame)
