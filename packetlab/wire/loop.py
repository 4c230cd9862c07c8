"""The loop that drives a conversation over devices, and its twin that drives it over recorded frames.

The loop's clock is the monotonic one, set once to the time of day, so that deadlines neither jump nor run
backwards while frame times stay comparable with it. Every Step's deadline replaces the one before. The devices
belong to the caller, who closes them; the loop itself leaves nothing behind.

Ctrl-C: under `interruptible()` the first one asks the conversation to stop, which still says what it has to
say; without it, a KeyboardInterrupt while waiting does the same.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from packetlab.model.conversation import Conversation, Step
from packetlab.model.frame import Frame
from packetlab.model.packet import decapsulate
from packetlab.wire.device import Device, wait


class Stop:
    """A request to stop that a loop sees at once, also while it waits."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.asked = False

    def ask(self) -> None:
        """From a signal handler or another thread."""
        self.asked = True
        try:
            os.write(self._write, b"!")
        except BlockingIOError:
            pass

    def fileno(self) -> int:
        """Readable once asked."""
        return self._read

    def close(self) -> None:
        """Close both ends of the pipe."""
        os.close(self._read)
        os.close(self._write)


@contextmanager
def interruptible() -> Iterator[Stop]:
    """Turn the first Ctrl-C (SIGINT) or SIGTERM into a request to stop; a second Ctrl-C interrupts as ever."""
    stop = Stop()
    before: dict[int, Any] = {}

    def handler(number: int, _: object) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.ask()

    try:
        for each in (signal.SIGINT, signal.SIGTERM):
            try:
                before[each] = signal.signal(each, handler)
            except ValueError:  # not the main thread: signals are not ours to take
                break
        yield stop
    finally:
        for number, old in before.items():
            signal.signal(number, old)
        stop.close()


def run(conversation: Conversation, *devices: Device, stop: Stop | None = None) -> Iterator[Any]:
    """Drive a conversation until it is done; yields its events as they happen. It sends through the first device.

    Errors of sending (no route, no privilege) are raised as they are; what was received before was yielded.
    """
    start, start_monotonic = time.time_ns(), time.monotonic_ns()

    def now() -> int:
        return start + time.monotonic_ns() - start_monotonic

    sender = devices[0]
    waiting: list[Any] = [*devices, *([stop] if stop else [])]
    step = conversation.begin(now())
    while True:
        _transmit(conversation, sender, step)
        yield from step.events
        if step.done:
            return
        deadline = step.deadline
        if stop is not None and stop.asked:
            yield from _stopped(conversation, devices, now)
            return
        late = deadline is not None and deadline <= now()
        timeout = None if deadline is None else max(0, deadline - now()) / 1e9
        try:
            ready = wait(waiting, timeout)
        except KeyboardInterrupt:
            yield from _stopped(conversation, devices, now)
            return
        got = _arrived([device for device in devices if device in ready])
        step = Step(deadline=deadline)
        for frame, device in got:
            packet = device.packet(frame)
            if frame.direction == "out":
                conversation.sent(packet, frame)
                continue
            step = conversation.receive(packet, frame)
            if frame is not got[-1][0] or step.done:
                _transmit(conversation, sender, step)
                yield from step.events
                if step.done:
                    return
                step = Step(deadline=step.deadline)
        # A flood of foreign packets must not keep a deadline from passing.
        if (late or not got) and step.deadline is not None and step.deadline <= now():
            _transmit(conversation, sender, step)
            yield from step.events
            step = conversation.expire(now())


def _transmit(conversation: Conversation, sender: Device, step: Step) -> None:
    for packet in step.send:
        frame = sender.send(packet)
        if not sender.sees_own:
            conversation.sent(packet, frame)


def _arrived(devices: Sequence[Device]) -> list[tuple[Frame, Device]]:
    """What waits in the devices (one batch of each), oldest first."""
    got = [(frame, device) for device in devices for frame in device.receive(0)]
    if len(devices) > 1:
        got.sort(key=lambda each: each[0].time)
    return got


def _stopped(conversation: Conversation, devices: Sequence[Device], now: Callable[[], int]) -> Iterator[Any]:
    """Hear what has arrived already - the interruption must not lose it -, then let the conversation end."""
    for frame, device in _arrived(devices):
        packet = device.packet(frame)
        if frame.direction == "out":
            conversation.sent(packet, frame)
            continue
        step = conversation.receive(packet, frame)
        _transmit(conversation, devices[0], step)
        yield from step.events
        if step.done:
            return
    step = conversation.stop(now())
    _transmit(conversation, devices[0], step)
    yield from step.events


def replay(conversation: Conversation, frames: Iterable[Frame]) -> Iterator[Any]:
    """Drive a conversation over recorded frames in their own time; what it wants to send goes nowhere.

    Frames of direction "out" are given to `sent`, all others to `receive`. Deadlines between two frames pass
    at their own time, and after the last frame until the conversation is done.
    """
    step: Step | None = None
    for frame in frames:
        if step is None:
            step = conversation.begin(frame.time)
            yield from step.events
        while not step.done and step.deadline is not None and step.deadline < frame.time:
            step = conversation.expire(step.deadline)
            yield from step.events
        if step.done:
            return
        packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
        if frame.direction == "out":
            conversation.sent(packet, frame)
        else:
            step = conversation.receive(packet, frame)
            yield from step.events
    while step is not None and not step.done and step.deadline is not None:
        step = conversation.expire(step.deadline)
        yield from step.events
