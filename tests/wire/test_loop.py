"""The loop over devices in memory, and over recorded frames."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from packetlab.link.ethernet import Ethernet
from packetlab.model.conversation import Conversation, Step
from packetlab.model.errors import PrivilegeError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.wire.loop import Stop, interruptible, replay, run
from packetlab.wire.memory import MemoryDevice, MemoryWire, ReplayDevice, memory_pair
from packetlab.wire.recorder import Recorder

MS = 1_000_000
A, B = bytes(5) + b"\x01", bytes(5) + b"\x02"


@dataclass
class Echo(Conversation):
    """Says something, waits for the same, up to `tries` times."""

    tries: int = 2
    wait: int = 20 * MS
    times: list[int] = field(default_factory=list)

    def begin(self, now: int) -> Step:
        return self.expire(now)

    def expire(self, now: int) -> Step:
        if not self.tries:
            return Step(events=["silence"], done=True)
        self.tries -= 1
        self.deadline = now + self.wait
        return Step([Ethernet(dst=B, src=A) / b"hello"], deadline=self.deadline)

    def sent(self, packet: Packet, frame: Frame) -> None:
        self.times.append(frame.time)

    def receive(self, packet: Packet, frame: Frame) -> Step:
        if packet.payload != b"hello":
            return Step(events=["other"], deadline=self.deadline)
        return Step(events=["answer"], done=True)

    def stop(self, now: int) -> Step:
        return Step([Ethernet(dst=B, src=A) / b"bye"], events=["stopped"], done=True)


class Kept(list[Frame]):
    def write(self, frame: Frame) -> None:
        self.append(frame)


@pytest.fixture
def pair() -> Iterator[tuple[MemoryDevice, MemoryDevice]]:
    left, right = memory_pair()
    with left, right:
        yield left, right


def test_what_one_end_sends_the_other_receives(pair: tuple[MemoryDevice, MemoryDevice]) -> None:
    left, right = pair
    sent = left.send(Ethernet(dst=B, src=A) / b"x")
    (got,) = right.receive(1)
    assert got.data == sent.data and (sent.direction, got.direction) == ("out", "in")
    assert left.receive(0) == []


def test_the_loop_sends_receives_and_ends(pair: tuple[MemoryDevice, MemoryDevice]) -> None:
    left, right = pair
    right.send(Ethernet(dst=A, src=B) / b"noise")
    right.send(Ethernet(dst=A, src=B) / b"hello")
    conversation = Echo()
    assert list(run(conversation, left)) == ["other", "answer"]
    assert len(conversation.times) == 1


def test_deadlines_pass_and_silence_is_an_event(pair: tuple[MemoryDevice, MemoryDevice]) -> None:
    conversation = Echo(tries=3)
    began = time.monotonic()
    assert list(run(conversation, pair[0])) == ["silence"]
    assert len(conversation.times) == 3 and time.monotonic() - began >= 0.06


def test_a_flood_of_foreign_frames_does_not_keep_a_deadline_from_passing(
    pair: tuple[MemoryDevice, MemoryDevice],
) -> None:
    left, right = pair
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            right.send(Ethernet(dst=A, src=B) / b"noise")

    thread = threading.Thread(target=flood)
    thread.start()
    began = time.monotonic()
    events = list(run(Echo(tries=1), left))
    over.set()
    thread.join()
    assert events[-1] == "silence" and time.monotonic() - began < 5


def test_a_request_to_stop_ends_the_wait_and_lets_the_conversation_speak(
    pair: tuple[MemoryDevice, MemoryDevice],
) -> None:
    stop = Stop()
    threading.Timer(0.05, stop.ask).start()
    assert list(run(Echo(wait=60_000 * MS), pair[0], stop=stop)) == ["stopped"]
    stop.close()
    assert [frame.data[14:] for frame in pair[1].receive(0)] == [b"hello", b"bye"]


def test_what_has_arrived_is_heard_before_the_conversation_is_stopped(
    pair: tuple[MemoryDevice, MemoryDevice],
) -> None:
    stop = Stop()
    pair[1].send(Ethernet(dst=A, src=B) / b"hello")
    stop.ask()
    assert next(run(Echo(wait=60_000 * MS), pair[0], stop=stop)) == "answer"
    stop.close()


def test_ctrl_c_becomes_a_request_to_stop_and_the_old_handler_returns(
    pair: tuple[MemoryDevice, MemoryDevice],
) -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as stop:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        assert list(run(Echo(wait=60_000 * MS), pair[0], stop=stop)) == ["stopped"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_loop_that_is_left_early_closes_nothing_and_leaves_nothing(pair: tuple[MemoryDevice, MemoryDevice]) -> None:
    before = open_files()
    running = run(Echo(), pair[0])
    pair[1].send(Ethernet(dst=A, src=B) / b"noise")
    assert next(running) == "other"
    running.close()  # type: ignore[attr-defined]
    assert open_files() == before


def test_a_recording_has_every_frame_in_both_directions(pair: tuple[MemoryDevice, MemoryDevice]) -> None:
    left, right = pair
    kept = Kept()
    right.send(Ethernet(dst=A, src=B) / b"hello")
    assert list(run(Echo(), Recorder(left, kept))) == ["answer"]
    assert [frame.direction for frame in kept] == ["out", "in"]


def test_a_device_that_does_not_show_whole_frames_cannot_be_recorded(pair: tuple[MemoryDevice, MemoryDevice]) -> None:
    pair[0].exact = False
    with pytest.raises(PrivilegeError):
        Recorder(pair[0], Kept())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def frames(*what: tuple[int, str, bytes]) -> list[Frame]:
    return [
        Frame((Ethernet(dst=B, src=A) / data).encapsulate(), at, 14 + len(data), direction=direction)  # type: ignore[arg-type]
        for at, direction, data in what
    ]


def test_a_replay_runs_in_the_time_of_its_frames() -> None:
    conversation = Echo(tries=2)
    recorded = frames((0, "out", b"hello"), (30 * MS, "in", b"noise"), (35 * MS, "in", b"hello"))
    assert list(replay(conversation, recorded)) == ["other", "answer"]
    assert conversation.tries == 0, "the deadline between the frames passed"


def test_after_the_last_frame_of_a_replay_the_deadlines_still_pass() -> None:
    assert list(replay(Echo(tries=5), frames((0, "out", b"hello")))) == ["silence"]


def test_a_replay_device_gives_its_frames_to_the_loop() -> None:
    with ReplayDevice(frames((1, "in", b"noise"), (2, "in", b"hello"))) as device:
        assert list(run(Echo(), device)) == ["other", "answer"]


def test_a_full_queue_drops_and_counts() -> None:
    device = MemoryDevice()
    MemoryWire(device)
    with device:
        (one,) = frames((1, "in", b"x"))
        for _ in range(65_536 + 3):
            device.deliver(one)
        assert device.drops() == 3 and device.drops() == 0
