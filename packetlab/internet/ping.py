"""Ping (RFC 792, RFC 4443 section 4): echo requests out, replies in, and a verdict on every one of them.

Each reply is held against its request: the same data, the right sender, in time, for the first time. What is
not is said: duplicate, late, wrong. ICMP errors that quote one of our requests are explained. Requests are
remembered for one turn of the 16-bit sequence number at most, RTTs as running sums: a flood needs no memory.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from packetlab.internet.either import error_of, error_words, ip_between, ip_header, quoted_about, ttl_of
from packetlab.internet.icmp import EchoReply, EchoRequest
from packetlab.internet.icmpv6 import EchoReply6, EchoRequest6
from packetlab.model.addresses import ip_text
from packetlab.model.conversation import Conversation, Step
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet

SECOND = 1_000_000_000
FLOOD_INTERVAL = 0.01
"""Seconds after which a flood sends again although no reply came (as ping -f has always done)."""
MAX_RTTS = 10_000
Kind = Literal["reply", "duplicate", "late", "wrong"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An echo reply."""

    sequence: int
    kind: Kind
    rtt: int | None
    """Nanoseconds from request to reply; None where the request is no longer known."""
    ttl: int
    """TTL or hop limit that was left."""
    size: int
    """Bytes of the ICMP message."""
    sender: bytes
    time: int
    note: str = ""
    """What is wrong with it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An ICMP error about one of our requests."""

    sequence: int
    sender: bytes
    type: int
    code: int
    name: str
    text: str
    time: int
    rtt: int | None
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class NoReply:
    """Nothing came for a request within the timeout."""

    sequence: int
    time: int


PingEvent = Reply | Problem | NoReply


@dataclass(slots=True)
class Statistics:
    """Counts and round-trip times (nanoseconds) so far."""

    sent: int = 0
    received: int = 0
    """Requests answered in time, each counted once."""
    duplicates: int = 0
    late: int = 0
    wrong: int = 0
    errors: int = 0
    pending: int = 0
    """Requests whose time was not up when the ping was interrupted: neither answered nor lost."""
    minimum: int = 0
    maximum: int = 0
    total: int = 0
    squares: int = 0
    rtts: list[int] = field(default_factory=list)
    """The first MAX_RTTS of them."""

    def add(self, rtt: int) -> None:
        """Count a reply in time."""
        self.minimum = min(self.minimum, rtt) if self.received else rtt
        self.maximum = max(self.maximum, rtt)
        self.received += 1
        self.total += rtt
        self.squares += rtt * rtt
        if len(self.rtts) < MAX_RTTS:
            self.rtts.append(rtt)

    @property
    def average(self) -> float:
        """Mean RTT in nanoseconds; 0 without replies."""
        return self.total / self.received if self.received else 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation of the RTTs in nanoseconds, ping's "mdev"."""
        if not self.received:
            return 0.0
        # Whole numbers until the last step: the difference of two large squares loses digits otherwise.
        return math.sqrt(max(0, self.squares * self.received - self.total**2)) / self.received

    @property
    def loss(self) -> float:
        """Share of the requests that were not answered in time, 0 to 1; those under way do not count."""
        judged = self.sent - self.pending
        return 1 - self.received / judged if judged > 0 else 0.0


@dataclass(slots=True)
class _Request:
    time: int
    expires: int
    state: Literal["waiting", "answered", "lost", "failed"] = "waiting"


class Ping(Conversation):
    """Ask `target` for `count` echoes (None: until stopped), one every `interval` seconds.

    source, target  addresses of one family (4 or 16 bytes); a reply must come from `target`, unless that is a
                    broadcast or multicast address (`any_sender`)
    identifier      16 bits that tell our requests from others'
    data            of each request; a reply must bring the same
    timeout         seconds after which a request counts as lost; a reply after that is "late"
    flood           send as soon as a reply comes
    """

    def __init__(
        self,
        source: bytes,
        target: bytes,
        identifier: int,
        *,
        count: int | None = 4,
        interval: float = 1.0,
        timeout: float = 1.0,
        data: bytes = bytes(56),
        ttl: int = 64,
        dont_fragment: bool = False,
        flood: bool = False,
        any_sender: bool = False,
    ) -> None:
        self.source, self.target, self.identifier = source, target, identifier & 0xFFFF
        self.count, self.data, self.ttl, self.dont_fragment = count, data, ttl, dont_fragment
        self.flood, self.any_sender = flood, any_sender
        self.interval = int((FLOOD_INTERVAL if flood else interval) * SECOND)
        self.timeout = int(timeout * SECOND)
        self.statistics = Statistics()
        self.six = len(target) == 16
        self.requests: dict[int, _Request] = {}
        self.waiting = 0
        self.next_send: int | None = None
        self.order: deque[int] = deque()
        """Sequence numbers as they were sent; those settled are dropped when they come to the front."""

    # ------------------------------------------------------------ the conversation

    def begin(self, now: int) -> Step:
        """The first request."""
        return self._step(now, [], self._send(now))

    def sent(self, packet: Packet, frame: Frame) -> None:
        """The exact time of a request, as the wire saw it leave."""
        echo = packet.get(EchoRequest6) if self.six else packet.get(EchoRequest)
        if echo is not None and echo.identifier == self.identifier:
            request = self.requests.get(echo.sequence)
            if request is not None and request.state == "waiting":
                request.time = frame.time

    def receive(self, packet: Packet, frame: Frame) -> Step:
        """A reply, an error about a request, or something that has nothing to do with us."""
        events: list[PingEvent] = []
        send: list[Packet] = []
        about = quoted_about(packet, self.source, self.target)
        if about is not None:
            self._error(packet, about, frame.time, events)
        else:
            header = ip_header(packet)
            echo = packet.get(EchoReply6) if self.six else packet.get(EchoReply)
            ours = header is not None and len(header.src) == len(self.target) and header.dst == self.source
            if echo is None or header is None or not ours or _is_fragment(packet):
                pass  # of fragments, only the whole packet counts
            elif echo.identifier == self.identifier:
                start, _, end = packet.bounds()[packet.index(type(echo))]
                self._reply(echo.sequence, packet, header.src, ttl_of(header), end - start, frame.time, events)
        if self.flood and events:
            send = self._send(frame.time)
        return self._step(frame.time, events, send)

    def expire(self, now: int) -> Step:
        """Send the next request, and give up on old ones."""
        events = self._give_up(now)
        send = self._send(now) if self.next_send is not None and self.next_send <= now else []
        return self._step(now, events, send)

    def stop(self, now: int) -> Step:
        """Requests whose time is up are lost; the others are still under way, and nobody knows of them."""
        events = self._give_up(now)
        self.statistics.pending = self.waiting
        return Step(events=events, done=True)

    # ------------------------------------------------------------ parts

    def _give_up(self, now: int) -> list[PingEvent]:
        events: list[PingEvent] = []
        while (request := self._oldest()) is not None and request.expires <= now:
            request.state = "lost"
            self.waiting -= 1
            events.append(NoReply(self.order[0], now))
        return events

    def _send(self, now: int) -> list[Packet]:
        statistics = self.statistics
        if self.count is not None and statistics.sent >= self.count:
            self.next_send = None
            return []
        statistics.sent += 1
        sequence = statistics.sent & 0xFFFF
        old = self.requests.pop(sequence, None)  # a whole turn ago
        if old is not None and old.state == "waiting":
            self.waiting -= 1
        self.requests[sequence] = _Request(now, now + self.timeout)
        self.order.append(sequence)
        self.waiting += 1
        last = self.count is not None and statistics.sent >= self.count
        # From the planned time, not from the actual one: the pace does not drift.
        planned = self.next_send if self.next_send is not None and not self.flood else now
        self.next_send = None if last else max(planned + self.interval, now)
        return [self.request(sequence)]

    def request(self, sequence: int) -> Packet:
        """One echo request, from its IP header on."""
        kind = EchoRequest6 if self.six else EchoRequest
        # RFC 6864, 4.1: what may be cut needs a number that no other packet of these two has had lately, also not one
        # of another ping; fragments of both could be put together otherwise.
        number = self.identifier + sequence & 0xFFFF
        header = ip_between(
            self.source, self.target, ttl=self.ttl, dont_fragment=self.dont_fragment, identification=number
        )
        return header / kind(identifier=self.identifier, sequence=sequence) / self.data

    def _step(self, now: int, events: list[PingEvent], send: list[Packet]) -> Step:
        done = self.next_send is None and self.waiting <= 0
        times = [] if self.next_send is None else [self.next_send]
        oldest = self._oldest()
        if oldest is not None:
            times.append(oldest.expires)
        return Step(send, events, min(times, default=now), done=done)

    def _oldest(self) -> _Request | None:
        """The oldest request that may still be answered: all have one timeout, so it is the next to expire."""
        while self.order:
            request = self.requests.get(self.order[0])
            if request is not None and request.state == "waiting":
                return request
            self.order.popleft()
        return None

    def _reply(
        self, sequence: int, packet: Packet, sender: bytes, ttl: int, size: int, now: int, events: list[PingEvent]
    ) -> None:
        request = self.requests.get(sequence)
        rtt = max(0, now - request.time) if request is not None else None
        kind: Kind = "reply"
        note = self._difference(packet.payload)
        if sender != self.target and not self.any_sender:
            kind, note = "wrong", f"it comes from {ip_text(sender)}, which was not asked"
        elif request is None:
            kind, note = "wrong", "no request has that sequence number"
        elif note:
            kind = "wrong"
        elif request.state == "answered":
            kind, note = "duplicate", "answered before"
        elif request.state == "lost":
            kind, note = "late", f"after the {self.timeout / SECOND:g} s that it had"
        statistics = self.statistics
        if kind == "reply" and request is not None and rtt is not None:
            if request.state == "waiting":
                self.waiting -= 1
            request.state = "answered"
            statistics.add(rtt)
        elif kind == "duplicate":
            statistics.duplicates += 1
        elif kind == "late" and request is not None:
            request.state = "answered"
            statistics.late += 1
        else:
            statistics.wrong += 1
        events.append(Reply(sequence, kind, rtt, ttl, size, sender, now, note))

    def _difference(self, data: bytes) -> str:
        if data == self.data:
            return ""
        for place, (got, sent) in enumerate(zip(data, self.data, strict=False)):
            if got != sent:
                return f"byte {place} of the data is 0x{got:02x} instead of 0x{sent:02x}"
        return f"it brings {len(data)} bytes of data instead of {len(self.data)}"

    def _error(self, packet: Packet, about: Packet, now: int, events: list[PingEvent]) -> None:
        error = error_of(packet)
        echo = about.get(EchoRequest6) if self.six else about.get(EchoRequest)
        if error is None or echo is None or echo.identifier != self.identifier:
            return
        request = self.requests.get(echo.sequence)
        if request is None or request.state == "answered":
            return
        if request.state == "waiting":
            self.waiting -= 1
        request.state = "failed"
        kind, code, message = error
        mtu = int(getattr(message, "mtu", 0) or getattr(message, "next_hop_mtu", 0))
        name, text = error_words(kind, code, six=self.six, mtu=mtu)
        outer = ip_header(packet)
        self.statistics.errors += 1
        events.append(
            Problem(echo.sequence, outer.src if outer is not None else b"", kind, code, name, text, now,
                    max(0, now - request.time), mtu)
        )  # fmt: skip


def _is_fragment(packet: Packet) -> bool:
    return any(getattr(header, "more_fragments", 0) or getattr(header, "fragment_offset", 0)
               for header in packet.layers)  # fmt: skip
