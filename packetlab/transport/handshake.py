"""The three-way handshake by hand (RFC 9293 section 3.5), with one port or many, and an orderly end.

Each port is a small machine of its own: SYN sent, then open (SYN-ACK: ACK it, and close with FIN or RST),
closed (RST), or filtered (an ICMP error, or silence after every retry). All share one source port, which the
caller keeps silent (wire/swallow.py), and up to `parallel` are under way at a time. The initial sequence
number is the caller's, so that a test or a replay can repeat a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from packetlab.internet.either import error_of, error_words, ip_between, ip_header, is_between, quoted_about, ttl_of
from packetlab.model.addresses import ip_text
from packetlab.model.conversation import Conversation, Step
from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.transport.tcp import TCP, LongTCPOption, NoOperation

SECOND = 1_000_000_000
State = Literal["open", "closed", "filtered", "stopped"]
MAX_BANNER = 512
"""Bytes kept of what a server says first."""
WINDOW_SCALE = 7
_MOST = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class PortResult:
    """What became of one port."""

    port: int
    state: State
    text: str
    """Why, in one sentence without an end mark."""
    rtt: int | None = None
    """Nanoseconds from the (last) SYN to the answer."""
    tries: int = 1
    """SYNs sent."""
    options: tuple[str, ...] = ()
    """TCP options of the SYN-ACK."""
    window: int = 0
    """Of the SYN-ACK, in bytes (never scaled there)."""
    ttl: int = 0
    """TTL or hop limit of the answer."""
    sequences: tuple[int, int] | None = None
    """Initial sequence numbers: ours, theirs."""
    ending: str = ""
    """How the connection ended, for an open port."""
    banner: bytes = b""
    """What the server said unasked, at most MAX_BANNER bytes."""
    answered_by: bytes = b""
    """Address of a router that sent an ICMP error."""


@dataclass(slots=True)
class _Port:
    number: int
    sequence: int
    state: str = "new"
    tries: int = 0
    syn_time: int = 0
    deadline: int = 0
    resend: int = 0
    rtt: int | None = None
    peer_sequence: int = 0
    peer_start: int = 0
    options: tuple[str, ...] = ()
    window: int = 0
    ttl: int = 0
    banner: bytes = b""
    fin_acked: bool = False
    peer_fin: bool = False


@dataclass
class Handshake(Conversation):
    """Open `ports` of `target` from `source`:`source_port`; events are PortResults, one for each port.

    finish     "fin" closes in both directions; "rst" aborts at once
    timeout    seconds for each SYN before the next try, doubled each time (RFC 6298 section 5.5)
    retries    SYNs sent again before silence is taken for an answer
    """

    source: bytes
    target: bytes
    ports: Sequence[int]
    source_port: int
    initial_sequence: int
    finish: Literal["fin", "rst"] = "fin"
    timeout: float = 1.0
    retries: int = 2
    parallel: int = 64
    ttl: int = 64
    maximum_segment_size: int = 1460
    window: int = 65_535
    linger: float = 1.0
    """Seconds to wait for the peer's FIN."""
    _active: dict[int, _Port] = field(default_factory=dict, init=False)
    _queue: list[int] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        for port in (*self.ports, self.source_port):
            if not 0 < port <= 65_535:
                raise UsageError(f"there is no port {port}", remedy="ports go from 1 to 65535")
        self._queue = list(dict.fromkeys(self.ports))[::-1]

    # ------------------------------------------------------------ the conversation

    def begin(self, now: int) -> Step:
        """The first SYNs."""
        return self._step(now, [], [])

    def sent(self, packet: Packet, frame: Frame) -> None:
        """The exact time at which a SYN left."""
        segment = packet.get(TCP)
        if segment is not None and segment.flags & (TCP.SYN | TCP.ACK) == TCP.SYN:
            port = self._active.get(segment.dst_port)
            if (
                port is not None
                and segment.src_port == self.source_port
                and is_between(packet, self.source, self.target)
            ):
                port.syn_time = frame.time

    def receive(self, packet: Packet, frame: Frame) -> Step:
        """A segment of one of our connections, an ICMP error about one, or anything else."""
        send: list[Packet] = []
        events: list[PortResult] = []
        segment = packet.get(TCP)
        about = quoted_about(packet, self.source, self.target)
        if about is not None:
            self._error(packet, about, frame.time, events)
        elif segment is not None and segment.dst_port == self.source_port:
            port = self._active.get(segment.src_port)
            if port is not None and is_between(packet, self.target, self.source):
                header = ip_header(packet)
                if port.state == "syn":
                    self._answer(port, packet, segment, ttl_of(header) if header else 0, frame.time, send, events)
                else:
                    self._segment(port, packet, segment, frame.time, send, events)
        return self._step(frame.time, send, events)

    def expire(self, now: int) -> Step:
        """Send again, or give up."""
        send: list[Packet] = []
        events: list[PortResult] = []
        for port in list(self._active.values()):
            if port.deadline > now:
                continue
            if port.state == "syn":
                if port.tries <= self.retries:
                    self._syn(port, now, send)
                else:
                    text = f"nothing came back for {port.tries} SYNs: a firewall drops them, or nobody is there"
                    self._finish(port, events, "filtered", text if port.tries > 1 else text.replace("SYNs", "SYN"))
            elif port.tries and not port.fin_acked and port.resend < self.retries:
                # Our FIN may have been lost.
                port.resend += 1
                port.deadline = now + int(self.linger * SECOND)
                send.append(self._make(port, TCP.FIN | TCP.ACK, port.sequence + 1))
            else:
                send.append(self._make(port, TCP.RST | TCP.ACK, port.sequence + 2))
                self._finish(port, events, "open", "it answered with SYN-ACK",
                             "our FIN was answered, theirs did not come: reset"
                             if port.fin_acked else "our FIN was not answered: reset")  # fmt: skip
        return self._step(now, send, events)

    def stop(self, now: int) -> Step:
        """Reset what is open, report every port that was under way."""
        send: list[Packet] = []
        events: list[PortResult] = []
        for port in list(self._active.values()):
            if port.state == "open":
                send.append(self._make(port, TCP.RST | TCP.ACK, port.sequence + 2))
                self._finish(port, events, "open", "it answered with SYN-ACK", "interrupted: reset")
            else:
                self._finish(port, events, "stopped", f"no answer yet to {port.tries} SYN when interrupted")
        return Step(send, events, done=True)

    # ------------------------------------------------------------ what arrives

    def _answer(
        self,
        port: _Port,
        packet: Packet,
        segment: TCP,
        ttl: int,
        now: int,
        send: list[Packet],
        events: list[PortResult],
    ) -> None:
        """In SYN-SENT (RFC 9293 section 3.10.7.3)."""
        expected = port.sequence + 1 & _MOST
        flags = segment.flags
        if flags & TCP.ACK and segment.acknowledgment != expected:
            if not flags & TCP.RST:  # "send a reset <SEQ=SEG.ACK><CTL=RST>"
                send.append(self._make(port, TCP.RST, segment.acknowledgment, 0))
            return
        if flags & TCP.RST:
            if flags & TCP.ACK:
                port.rtt, port.ttl = max(0, now - port.syn_time), ttl
                text = "it answered with RST: the host is there, and no process listens on this port"
                self._finish(port, events, "closed", text)
            return
        if not (flags & TCP.SYN and flags & TCP.ACK):
            return
        port.rtt, port.ttl, port.window = max(0, now - port.syn_time), ttl, segment.window
        port.options = option_words(packet)
        port.peer_start = segment.sequence
        port.peer_sequence = segment.sequence + 1 & _MOST
        port.state = "open"
        send.append(self._make(port, TCP.ACK, port.sequence + 1))
        if self.finish == "rst":
            send.append(self._make(port, TCP.RST | TCP.ACK, port.sequence + 1))
            self._finish(port, events, "open", "it answered with SYN-ACK", "we reset it")
        else:
            send.append(self._make(port, TCP.FIN | TCP.ACK, port.sequence + 1))
            port.deadline = now + int(self.linger * SECOND)

    def _segment(
        self, port: _Port, packet: Packet, segment: TCP, now: int, send: list[Packet], events: list[PortResult]
    ) -> None:
        """After the handshake: acknowledge what comes, until both sides have closed."""
        opened = "it answered with SYN-ACK"
        if segment.flags & TCP.RST:
            if segment.sequence == port.peer_sequence:
                self._finish(port, events, "open", opened, "the peer reset it")
            return
        if segment.flags & TCP.SYN:  # our ACK was lost
            send.append(self._make(port, TCP.ACK, port.sequence + (2 if port.fin_acked else 1)))
            return
        if segment.flags & TCP.ACK and segment.acknowledgment == port.sequence + 2 & _MOST:
            port.fin_acked = True
        data = packet.payload
        if segment.sequence == port.peer_sequence and not port.peer_fin:
            port.banner = (port.banner + data)[:MAX_BANNER]
            port.peer_sequence = port.peer_sequence + len(data) & _MOST
            if segment.flags & TCP.FIN:
                port.peer_fin = True
                port.peer_sequence = port.peer_sequence + 1 & _MOST
        if data or segment.flags & TCP.FIN:
            send.append(self._make(port, TCP.ACK, port.sequence + 2))
            port.deadline = max(port.deadline, now + int(self.linger * SECOND / 2))
        if port.fin_acked and port.peer_fin:
            self._finish(port, events, "open", opened, "closed by FIN in both directions")

    def _error(self, packet: Packet, about: Packet, now: int, events: list[PortResult]) -> None:
        """An ICMP error; it counts while the SYN is unanswered, and only where it quotes our own SYN."""
        segment, error = about.get(TCP), error_of(packet)
        if segment is None or error is None or segment.src_port != self.source_port:
            return
        port = self._active.get(segment.dst_port)
        if port is None or port.state != "syn" or segment.sequence != port.sequence:
            return
        outer = ip_header(packet)
        name, words = error_words(error[0], error[1], six=len(self.target) == 16)
        sender = outer.src if outer is not None else b""
        port.rtt, port.ttl = max(0, now - port.syn_time), ttl_of(outer) if outer is not None else 0
        text = f"{ip_text(sender)} answered with ICMP {name}: {words}"
        self._finish(port, events, "filtered", text, answered_by=sender)

    # ------------------------------------------------------------ what leaves

    def _step(self, now: int, send: list[Packet], events: list[PortResult]) -> Step:
        while self._queue and len(self._active) < self.parallel:
            number = self._queue.pop()
            port = _Port(number, self.initial_sequence + number * 64_021 & _MOST)
            self._active[number] = port
            self._syn(port, now, send)
        deadline = min((port.deadline for port in self._active.values()), default=None)
        return Step(send, events, deadline, done=not self._active and not self._queue)

    def _syn(self, port: _Port, now: int, send: list[Packet]) -> None:
        port.state, port.syn_time = "syn", now
        port.deadline = now + int(self.timeout * SECOND) * 2**port.tries
        port.tries += 1
        mss = self.maximum_segment_size
        options = (
            LongTCPOption(kind=2, data=mss.to_bytes(2, "big")),
            LongTCPOption(kind=4, data=b""),
            NoOperation(),
            LongTCPOption(kind=3, data=bytes([WINDOW_SCALE])),
        )
        segment = TCP(src_port=self.source_port, dst_port=port.number, sequence=port.sequence, flags=TCP.SYN,
                      window=self.window, options=options)  # fmt: skip
        send.append(self._ip() / segment)

    def _make(self, port: _Port, flags: int, sequence: int, acknowledgment: int | None = None) -> Packet:
        if acknowledgment is None:
            acknowledgment = port.peer_sequence
        # The scale that we offered holds only if the peer sent one too (RFC 7323 section 2.2).
        scaled = any(option.startswith("window scale") for option in port.options)
        segment = TCP(src_port=self.source_port, dst_port=port.number, sequence=sequence & _MOST, flags=flags,
                      acknowledgment=acknowledgment, window=self.window >> (WINDOW_SCALE if scaled else 0))  # fmt: skip
        return self._ip() / segment

    def _ip(self) -> Packet:
        return Packet((ip_between(self.source, self.target, ttl=self.ttl, dont_fragment=True),))

    def _finish(
        self, port: _Port, events: list[PortResult], state: State, text: str, ending: str = "", answered_by: bytes = b""
    ) -> None:
        del self._active[port.number]
        both = (port.sequence, port.peer_start) if state == "open" else None
        result = PortResult(
            port.number, state, text, port.rtt, port.tries, port.options, port.window, port.ttl, both, ending,
            port.banner, answered_by,
        )  # fmt: skip
        events.append(result)


def option_words(packet: Packet) -> tuple[str, ...]:
    """The TCP options of a segment in words, no-operations left out."""
    start, body, _ = packet.bounds()[packet.index(TCP)]
    raw, at, found = (packet.data or packet.encapsulate())[start + 20 : body], 0, list[str]()
    while at < len(raw) and raw[at] != 0:
        kind = raw[at]
        size = 1 if kind == 1 else raw[at + 1] if at + 1 < len(raw) else 0
        if size < 1 or (kind > 1 and size < 2):
            break
        data = raw[at + 2 : at + size] if kind > 1 else b""
        at += size
        value = int.from_bytes(data, "big")
        if kind == 2:
            found.append(f"maximum segment size {value}")
        elif kind == 3:
            found.append(f"window scale {value} (times {1 << min(value, 14)})")
        elif kind == 4:
            found.append("SACK permitted")
        elif kind == 8 and len(data) == 8:
            found.append(f"timestamps {value >> 32} (echo {value & _MOST})")
        elif kind > 1:
            found.append(f"option {kind} ({len(data)} bytes)")
    return tuple(found)
