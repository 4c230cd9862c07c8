"""Traceroute: which routers a packet passes, told by the errors they send when its TTL runs out.

All probes of a run are one flow to the load balancers on the way: addresses, ports and checksum of an ICMP probe
stay the same, so that they take one path (the idea of Paris traceroute). What tells probes apart is quoted in
every error: the checksum of a UDP probe, the sequence number of a TCP or ICMP one. Probes for several hops are
under way at once. Where the device cannot see that (`ports_only`) and a router quotes too little, they go one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from packetlab.internet.either import error_of, error_words, ip_between, ip_header, is_between, quoted_about
from packetlab.internet.icmp import EchoReply, EchoRequest
from packetlab.internet.icmpv6 import EchoReply6, EchoRequest6
from packetlab.model.conversation import Conversation, Step
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

SECOND = 1_000_000_000
Method = Literal["icmp", "udp", "tcp"]
PROTOCOLS = {"icmp": (1, 58), "udp": (17, 17), "tcp": (6, 6)}
"""IP protocol numbers of each method, over IPv4 and IPv6."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one probe."""

    hop: int
    """TTL with which it was sent."""
    probe: int
    """1 for the first of its hop."""
    address: bytes = b""
    """Who answered; empty for silence."""
    rtt: int | None = None
    """Nanoseconds."""
    kind: Literal["router", "target", "refused", "silence"] = "silence"
    text: str = ""
    """The answer in plain English."""
    mtu: int = 0
    """The next link's MTU, where an error told it."""


@dataclass(slots=True)
class Hop:
    """All answers of one distance."""

    number: int
    answers: list[Answer] = field(default_factory=list)

    @property
    def addresses(self) -> list[bytes]:
        """Who answered, each once."""
        return list(dict.fromkeys(one.address for one in self.answers if one.address))

    @property
    def lost(self) -> int:
        """Probes without an answer."""
        return sum(one.kind == "silence" for one in self.answers)


def verdict(hop: Hop, later: Sequence[Hop]) -> str:
    """What a hop's silence means: "" where it was not silent.

    A router that passes everything on but answers only sometimes limits its answers; where those behind it miss
    some as well, packets were lost.
    """
    if not hop.lost:
        return ""
    passed = [one for one in later if one.answers and one.addresses]
    if hop.lost == len(hop.answers):
        return "silent, but packets pass through it" if passed else "silent"
    if passed and not any(one.lost for one in passed):
        return "answers only some: it limits its answers; those behind it got everything"
    return "some packets or answers were lost"


@dataclass
class Traceroute(Conversation):
    """Probe the way from `source` to `target`; events are Answers, in the order in which they are known."""

    source: bytes
    target: bytes
    method: Method = "icmp"
    source_port: int = 33_434
    port: int = 33_434
    identifier: int = 1
    first_hop: int = 1
    max_hops: int = 30
    probes: int = 3
    timeout: float = 1.0
    parallel: int = 12
    ports_only: bool = False
    """The device knows an error's probe by the data it quotes; where there is none, only that it is one of ours."""
    hops: dict[int, Hop] = field(default_factory=dict, init=False)
    reached: int = field(default=0, init=False)
    """The hop at which the target, or a refusal, was met; 0 while it was not."""
    _next: int = field(default=0, init=False)
    _sent: int = field(default=0, init=False)
    _again: list[tuple[int, int]] = field(default_factory=list, init=False)
    """Probes (hop, number) that are to be sent once more, as an error could not be told to be about one of them."""
    _sent_again: set[tuple[int, int]] = field(default_factory=set, init=False)
    _unclear: bool = field(default=False, init=False)
    """There was such an error."""
    _waiting: dict[int, tuple[int, int, int]] = field(default_factory=dict, init=False)
    """Key of each probe under way: hop, number within it, time sent."""

    # ------------------------------------------------------------ the conversation

    def begin(self, now: int) -> Step:
        """The first probes."""
        return self._step(now, [])

    def sent(self, packet: Packet, frame: Frame) -> None:
        """The exact time at which a probe left."""
        key = self._key(packet)
        if key in self._waiting:
            hop, number, _ = self._waiting[key]
            self._waiting[key] = hop, number, frame.time

    def receive(self, packet: Packet, frame: Frame) -> Step:
        """An error about one of our probes, an answer of the target, or anything else."""
        events: list[Answer] = []
        about = quoted_about(packet, self.source, self.target)
        if about is not None:
            self._error(packet, about, frame.time, events)
        elif is_between(packet, self.target, self.source):
            self._reply(packet, frame.time, events)
        return self._step(frame.time, events)

    def expire(self, now: int) -> Step:
        """Probes that took too long are silence."""
        events: list[Answer] = []
        for key, (hop, number, when) in list(self._waiting.items()):
            if when + self._patience <= now:
                del self._waiting[key]
                self._silence(hop, number, events)
        return self._step(now, events)

    @property
    def _patience(self) -> int:
        return int(self.timeout * SECOND)

    def _step(self, now: int, events: list[Answer]) -> Step:
        send = []
        while len(self._waiting) < self.parallel and (place := self._place()) is not None:
            self._sent += 1
            packet = self._probe(place[0], self._sent)
            self._waiting[self._key(packet)] = *place, now
            send.append(packet)
        waiting = [when for hop, _, when in self._waiting.values() if not self.reached or hop <= self.reached]
        if not waiting:
            return Step(send, events, done=not send)
        return Step(send, events, min(waiting) + self._patience)

    def _place(self) -> tuple[int, int] | None:
        """Hop and number of the next probe."""
        self._again = [each for each in self._again if not self.reached or each[0] <= self.reached]
        if self._again:
            return self._again.pop(0)
        hop, number = self.first_hop + self._next // self.probes, self._next % self.probes + 1
        if hop > (self.reached or self.max_hops):
            return None
        self._next += 1
        return hop, number

    def _silence(self, hop: int, number: int, events: list[Answer]) -> None:
        """A probe was not answered, as far as we know; it is sent once more where it may be that we do not know."""
        if (hop, number) in self._sent_again:
            # Alone under way and not answered: this hop is silent indeed.
            silent = [number, *(other for at, other in self._again if at == hop)]
            self._again = [each for each in self._again if each[0] != hop]
            for each in silent:
                self._note(Answer(hop, each), events)
        elif self._unclear:
            self._sent_again.add((hop, number))
            self._again.append((hop, number))
        else:
            self._note(Answer(hop, number), events)

    def _note(self, answer: Answer, events: list[Answer]) -> None:
        self.hops.setdefault(answer.hop, Hop(answer.hop)).answers.append(answer)
        if answer.kind in ("target", "refused"):
            self.reached = min(self.reached or answer.hop, answer.hop)
        if not self.reached or answer.hop <= self.reached:
            events.append(answer)

    # ------------------------------------------------------------ probes

    def _probe(self, hop: int, number: int) -> Packet:
        header = ip_between(self.source, self.target, ttl=hop, identification=number)
        six = len(self.target) == 16
        if self.method == "udp":
            # The checksum tells probes apart; two bytes of data make it differ.
            return (header / UDP(src_port=self.source_port, dst_port=self.port) / number.to_bytes(2, "big")).filled()
        if self.method == "tcp":
            start = number << 8
            return header / TCP(src_port=self.source_port, dst_port=self.port, sequence=start, flags=TCP.SYN)
        kind = EchoRequest6 if six else EchoRequest
        # Sequence and data add up to the same, so every probe has the same checksum.
        return header / kind(identifier=self.identifier, sequence=number) / (0xFFFF - number).to_bytes(2, "big")

    def _key(self, packet: Packet) -> int:
        """What tells a probe from the others, read from it or from the quote of it; -1 where it is none of ours."""
        if self.method == "udp":
            udp = packet.get(UDP)
            ours = udp is not None and (udp.src_port, udp.dst_port) == (self.source_port, self.port)
            return int(udp.checksum) if ours and udp is not None and isinstance(udp.checksum, int) else -1
        if self.method == "tcp":
            tcp = packet.get(TCP)
            ours = tcp is not None and (tcp.src_port, tcp.dst_port) == (self.source_port, self.port)
            return int(tcp.sequence) if ours and tcp is not None and isinstance(tcp.sequence, int) else -1
        echo: Any = packet.get(EchoRequest) or packet.get(EchoRequest6)
        ours = echo is not None and not echo.is_cut and echo.identifier == self.identifier
        return int(echo.sequence) if ours else -1

    # ------------------------------------------------------------ answers

    def _error(self, packet: Packet, about: Packet, now: int, events: list[Answer]) -> None:
        waiting = self._waiting.pop(self._key(about), None)
        if waiting is None and self.ports_only and self._key(about) >= 0 and not about.payload:
            if len(self._waiting) == 1:
                _, waiting = self._waiting.popitem()
            else:
                self._unclear, self.parallel = True, 1
        error, sender = error_of(packet), ip_header(packet)
        if waiting is None or error is None or sender is None:
            return
        hop, number, when = waiting
        kind, code, header = error
        six = len(self.target) == 16
        mtu = int(getattr(header, "mtu", 0) or getattr(header, "next_hop_mtu", 0) or 0)
        name, words = error_words(kind, code, six=six, mtu=mtu)
        expired = kind == (3 if six else 11)
        port_closed = kind == (1 if six else 3) and code == (4 if six else 3) and sender.src == self.target
        verdict_: Literal["router", "target", "refused"] = (
            "router" if expired else "target" if port_closed else "refused"
        )
        text = "" if expired else "reached" if port_closed else f"{name}: {words}"
        self._note(Answer(hop, number, sender.src, max(0, now - when), verdict_, text, mtu), events)

    def _reply(self, packet: Packet, now: int, events: list[Answer]) -> None:
        key, text = -1, "reached"
        if self.method == "icmp":
            echo: Any = packet.get(EchoReply) or packet.get(EchoReply6)
            if echo is not None and not echo.is_cut and echo.identifier == self.identifier:
                key = int(echo.sequence)
        elif self.method == "tcp":
            tcp = packet.get(TCP)
            if tcp is not None and not tcp.is_cut and (tcp.src_port, tcp.dst_port) == (self.port, self.source_port):
                key = tcp.acknowledgment - 1
                text = "reached: the port is closed" if tcp.flags & TCP.RST else "reached: the port is open"
        else:
            udp = packet.get(UDP)
            if udp is not None and (udp.src_port, udp.dst_port) == (self.port, self.source_port):
                # An answer does not say to which probe: take the oldest that is under way.
                key, text = next(iter(self._waiting), -1), "reached: the port answers"
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            hop, number, when = waiting
            self._note(Answer(hop, number, self.target, max(0, now - when), "target", text), events)
