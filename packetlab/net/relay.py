"""The userspace wire: carries frames between two interfaces and delays, loses, reorders, counts and drops them.

Run as a process of its own (see script.py), so that neither the GIL nor the threads of the user touch its timing.
Each end of the link is the far end of a cable, in a namespace of the wire; the relay has a packet socket on each,
with PACKET_IGNORE_OUTGOING, so that it does not hear itself. It needs no netem, which is often not there. It ends
when its control socket closes, that is with the network or with the process that made it.

A frame that enters at `now` is due at max(now, when the line is free) + delay. The line is free again after the
frame's bits at the rate. Waiting frames are in a heap by due time. Near the due time the relay polls instead of
sleeping, since a sleeping process wakes late; an idle one sleeps.
"""

from __future__ import annotations

import _socket
import heapq
import marshal
import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SOL_PACKET, PACKET_STATISTICS = 263, 6
BURST = 64
LARGEST = 65600
SPIN = 0.0003  # seconds before a due time from which on the relay polls
SHORTEST = 60  # IEEE 802.3: bytes of a frame without its check sequence
MOST_WAITING = 65536  # frames in each direction; more are dropped as in a full queue

now = time.monotonic


class Random:
    """SplitMix64: seeded, the same on every Python, and without the import of `random` (10 ms)."""

    def __init__(self, seed: int) -> None:
        self.state = seed & 0xFFFFFFFFFFFFFFFF

    def next(self) -> int:
        """64 bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        value = self.state
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        value = (value ^ value >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        return value ^ value >> 31

    def part(self) -> float:
        """Evenly from 0 to below 1."""
        return (self.next() >> 11) / (1 << 53)


def _named(number: int, wanted: frozenset[int]) -> bool:
    """Whether a frame was named by its number, or by -n for every n-th."""
    return number in wanted or any(each < 0 and number % each == 0 for each in wanted)


class Direction:
    """One way through the wire: the decisions are here, without sockets and with the clock as an argument."""

    def __init__(self, options: dict[str, object], matches: Callable[[bytes], bool], seed: int) -> None:
        self.delay = float(options.get("delay", 0.0))  # type: ignore[arg-type]
        self.jitter = float(options.get("jitter", 0.0))  # type: ignore[arg-type]
        self.loss = float(options.get("loss", 0.0))  # type: ignore[arg-type]
        self.duplicate = float(options.get("duplicate", 0.0))  # type: ignore[arg-type]
        self.reorder = float(options.get("reorder", 0.0))  # type: ignore[arg-type]
        self.corrupt = float(options.get("corrupt", 0.0))  # type: ignore[arg-type]
        self.rate = float(options.get("rate", 0.0))  # type: ignore[arg-type]
        self.queue = int(options.get("queue", 100_000))  # type: ignore[call-overload]
        self.drop = frozenset(options.get("drop", ()))  # type: ignore[call-overload]
        self.flip = frozenset(options.get("flip", ()))  # type: ignore[call-overload]
        self.pad = bool(options.get("pad", False))
        self.matches = matches
        self.random = Random(seed)
        self.waiting: list[tuple[float, int, bytes]] = []
        self.order = 0
        self.matched = 0
        self.free = 0.0
        self.latest = 0.0
        self.counts = {"frames": 0, "dropped": 0, "lost": 0, "corrupted": 0, "duplicated": 0, "overflowed": 0,
                       "reordered": 0, "missed": 0}  # fmt: skip

    def follow(self, earlier: Direction) -> None:
        """Goes on where another one stops: its counts, and the frames that are under way, which none overtakes."""
        self.counts, self.waiting, self.order = earlier.counts, earlier.waiting, earlier.order
        self.free, self.latest = earlier.free, earlier.latest

    @property
    def plain(self) -> bool:
        """Whether frames leave as they come."""
        return not (self.waiting or self.delay or self.loss or self.duplicate or self.reorder or self.corrupt
                    or self.rate or self.drop or self.flip or self.pad)  # fmt: skip

    def enter(self, frame: bytes, time_: float) -> None:
        """A frame came in; what of it is to leave is in `waiting` then."""
        counts = self.counts
        counts["frames"] += 1
        if self.pad:
            frame = frame.ljust(SHORTEST, b"\0")
        if (self.drop or self.flip) and self.matches(frame):
            self.matched += 1
            if _named(self.matched, self.drop):
                counts["dropped"] += 1
                return
            if _named(self.matched, self.flip):
                frame = self._flip(frame, len(frame) // 2)
        part = self.random.part
        if self.loss and part() < self.loss:
            counts["lost"] += 1
            return
        if self.corrupt and part() < self.corrupt:
            frame = self._flip(frame)
        copies = 1
        if self.duplicate and part() < self.duplicate:
            counts["duplicated"] += 1
            copies = 2
        for _ in range(copies):
            self._schedule(frame, time_)

    def _schedule(self, frame: bytes, time_: float) -> None:
        leaves = time_
        if self.rate:
            begins = max(time_, self.free)
            if (begins - time_) * self.rate / 8 + len(frame) > max(self.queue, len(frame)):
                self.counts["overflowed"] += 1
                return
            leaves = self.free = begins + len(frame) * 8 / self.rate
        if len(self.waiting) >= MOST_WAITING:
            self.counts["overflowed"] += 1
            return
        due = leaves + self.delay
        if self.jitter:
            due += (2 * self.random.part() - 1) * self.jitter
        if self.reorder and self.random.part() < self.reorder:
            self.counts["reordered"] += 1
            due = leaves  # overtakes all that still wait
        else:
            due = self.latest = max(due, self.latest)
        self.order += 1
        heapq.heappush(self.waiting, (due, self.order, frame))

    def _flip(self, frame: bytes, first: int = 14) -> bytes:
        """One bit from the byte `first` on: behind the Ethernet header, so that the frame still finds its way."""
        self.counts["corrupted"] += 1
        first = min(first, len(frame) - 1)
        bit = self.random.next() % ((len(frame) - first) * 8)
        changed = bytearray(frame)
        changed[first + bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    def leave(self, time_: float) -> list[bytes]:
        """The frames that are due."""
        found = []
        waiting = self.waiting
        while waiting and waiting[0][0] <= time_:
            found.append(heapq.heappop(waiting)[2])
        return found


class Relay:
    """Two packet sockets and the two directions between them."""

    def __init__(self, near: int, far: int, control: int, ways: list[Direction]) -> None:
        self.ends = [_socket.socket(fileno=near), _socket.socket(fileno=far)]
        self.control, self.ways = control, ways
        self.sources = [near, far, control]
        for end in self.ends:
            end.setblocking(False)

    def run(self) -> None:
        """Carries frames until the control socket is closed."""
        poll = select.poll()
        for descriptor in self.sources:
            poll.register(descriptor, select.POLLIN)
        control = self.control
        while True:
            for descriptor, _ in self._wait(poll):
                if descriptor == control and not self._answer():
                    return
            for way in (0, 1):
                self._carry(way)

    def _wait(self, poll: select.poll) -> list[tuple[int, int]]:
        """What is readable, as soon as something is, or shortly before a frame is due; from then on at once."""
        dues = [way.waiting[0][0] for way in self.ways if way.waiting]
        if not dues:
            return poll.poll()
        left = min(dues) - now() - SPIN
        if left >= 0.001:
            return poll.poll(int(left * 1000))
        if left > 0:  # poll counts in milliseconds: until then it would be a busy loop of each wire of a network
            select.select(self.sources, (), (), left)
        return poll.poll(0)

    def _carry(self, number: int) -> None:
        way, source, target = self.ways[number], self.ends[number], self.ends[1 - number]
        receive, enter = source.recv, way.enter
        try:
            if way.plain:
                for _ in range(BURST):
                    target.send(receive(LARGEST))
                    way.counts["frames"] += 1
            for _ in range(BURST):
                enter(receive(LARGEST), now())
        except BlockingIOError:
            pass
        except OSError:
            pass  # the interface was switched off; it may come back
        if way.waiting and way.waiting[0][0] <= now():
            for frame in way.leave(now()):
                try:
                    target.send(frame)
                except OSError:
                    way.counts["overflowed"] += 1

    def _take_all(self) -> None:
        """All that has come to both ends, however much."""
        for way, source in zip(self.ways, self.ends, strict=True):
            try:
                for _ in range(MOST_WAITING):
                    way.enter(source.recv(LARGEST), now())
            except OSError:
                pass  # no more, or the interface was switched off

    def _answer(self) -> bool:
        """Answers on the control socket: "?" with the counts, else it is told what to do from now on. False: closed."""
        data = os.read(self.control, 65536)
        if data and data != b"?":
            self._take_all()  # what was sent before belongs to what was
            self.ways = [_follower(way, each) for way, each in zip(self.ways, directions(data), strict=True)]
            os.write(self.control, b"+")
        elif data:
            for way, end in zip(self.ways, self.ends, strict=True):
                # The kernel counts from the last question: what came faster than this process could take it.
                statistics = end.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
                way.counts["missed"] += int.from_bytes(statistics[4:8], sys.byteorder)
            os.write(self.control, marshal.dumps([way.counts for way in self.ways]))
        return bool(data)


def match_of(name: str) -> Callable[[bytes], bool]:
    """The condition of that name in impairment.py, as code that needs no import of packetlab."""
    protocols = {"tcp": (6,), "udp": (17,), "icmp": (1, 58)}

    def inner(frame: bytes) -> tuple[int, int, int]:
        if frame[12:14] == b"\x08\x00" and len(frame) >= 34:
            return frame[23], 14 + (frame[14] & 15) * 4, 14 + int.from_bytes(frame[16:18], "big")
        if frame[12:14] == b"\x86\xdd" and len(frame) >= 54:
            return frame[20], 54, 54 + int.from_bytes(frame[18:20], "big")
        return -1, 0, 0

    def data(frame: bytes) -> bool:
        protocol, start, end = inner(frame)
        return protocol == 6 and len(frame) >= start + 20 and end > start + (frame[start + 12] >> 4) * 4

    def syn(frame: bytes) -> bool:
        protocol, start, _ = inner(frame)
        return protocol == 6 and len(frame) >= start + 20 and bool(frame[start + 13] & 2)

    special = {
        "": lambda frame: True, "tcp-data": data, "tcp-syn": syn, "arp": lambda frame: frame[12:14] == b"\x08\x06",
        "ip": lambda frame: inner(frame)[0] >= 0,
    }  # fmt: skip
    return special.get(name) or (lambda frame: inner(frame)[0] in protocols[name])


MATCHES = ("", "tcp-data", "tcp-syn", "tcp", "udp", "icmp", "arp", "ip")


def directions(told: bytes) -> list[Direction]:
    """Both ways, as a control message declares them."""
    *ways, match, seed = marshal.loads(told)
    return [Direction(options, match_of(match), seed * 2 + number) for number, options in enumerate(ways)]


def _follower(earlier: Direction, way: Direction) -> Direction:
    way.follow(earlier)
    return way


def main() -> None:
    control, near, far = (int(word) for word in sys.argv[1:4])
    relay = Relay(near, far, control, directions(os.read(control, 65536)))
    os.write(control, b"+")
    relay.run()


if __name__ == "__main__":
    main()
