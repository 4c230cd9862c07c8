"""TCP connections among the frames of one place: who opened them, what was said and answered, what was sent again.

`ev.at("c").connections("tcp.dstport == {port}")` gives them in the order of their SYNs. Each is seen from where its
frames were captured: what is in flight, and in which round trip, is known at the sender alone. A place with several
interfaces through which a connection passes shows each frame twice; ask for one of them, `ev.at("r", "left")`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.lab.verdict import Seen
from packetlab.model.addresses import ip_text
from packetlab.transport.tcp import SACK, TCP

_AROUND = 1 << 32
End = tuple[bytes, int]
"""An address and a port."""


def payload(seen: Seen) -> bytes:
    """The bytes of data that a TCP segment carries, without the padding of a short frame."""
    packet = seen.packet
    _, body, end = packet.bounds()[packet.index(TCP)]
    return seen.data[body:end]


@dataclass(frozen=True, slots=True)
class Segment:
    """A frame with data, and which bytes of its direction these are, counted from 0."""

    seen: Seen
    start: int
    end: int
    """Behind its last byte."""
    again: bool
    """All of it was sent before."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A segment that was sent again."""

    first: Segment
    again: Segment
    duplicates: tuple[Seen, ...]
    """The acknowledgments in between that ask for it although something behind it has arrived: they repeat the number
    of an earlier one (RFC 5681 section 2), or have a SACK block."""

    @property
    def waited(self) -> int:
        """Nanoseconds between the two."""
        return self.again.seen.time - self.first.seen.time


class Way:
    """One direction of a connection: the frames of its sender, and the acknowledgments that come back."""

    def __init__(self, sent: Sequence[Seen], heard: Sequence[Seen]) -> None:
        self.sent = list(sent)
        """All frames of the sender, with data or without."""
        self._heard = list(heard)
        hello = next((seen for seen in sent if seen[TCP].flags & TCP.SYN), None)
        self._first = (hello[TCP].sequence + 1) % _AROUND if hello else None

    def _place(self, number: int) -> int:
        """A sequence number as a position in the data; before its first byte it is negative."""
        assert self._first is not None
        return int((number - self._first + (1 << 31)) % _AROUND - (1 << 31))

    @cached_property
    def segments(self) -> list[Segment]:
        """The frames with data, in order of time; none where the direction's SYN was not seen."""
        found: list[Segment] = []
        highest = 0
        for seen in self.sent if self._first is not None else ():
            if size := len(payload(seen)):
                start = self._place(seen[TCP].sequence)
                found.append(Segment(seen, start, start + size, start + size <= highest))
                highest = max(highest, start + size)
        return found

    @cached_property
    def data(self) -> bytes:
        """What was said, in order, as far as there is no gap; what was sent twice is there once."""
        whole = bytearray()
        for segment in sorted(self.segments, key=lambda one: one.start):
            if segment.start > len(whole):
                break
            whole += payload(segment.seen)[len(whole) - segment.start :]
        return bytes(whole)

    @cached_property
    def acknowledgments(self) -> list[tuple[Seen, int]]:
        """The frames that come back with ACK, and how many bytes of data each acknowledges in all."""
        if self._first is None:
            return []
        return [(seen, self._place(seen[TCP].acknowledgment)) for seen in self._heard if seen[TCP].flags & TCP.ACK]

    @cached_property
    def _events(self) -> list[tuple[int, Segment | None, int]]:
        """(frame number, segment, 0) and (frame number, None, bytes acknowledged), in order of time."""
        events: list[tuple[int, Segment | None, int]] = [(one.seen.number, one, 0) for one in self.segments]
        events += [(seen.number, None, place) for seen, place in self.acknowledgments]
        return sorted(events, key=lambda event: event[0])

    def rounds(self) -> list[list[Segment]]:
        """The new segments of each round trip, seen at the sender.

        A round trip ends when something is acknowledged that was sent in it: no clock is asked, so a slow machine
        changes nothing. In slow start they hold 10, 20, 40 ... segments.
        """
        found: list[list[Segment]] = [[]]
        mark = sent = 0
        for _, segment, acknowledged in self._events:
            if segment is None:
                if acknowledged > mark:
                    mark = sent
                    found.append([])
            elif not segment.again:
                found[-1].append(segment)
                sent = max(sent, segment.end)
        return [each for each in found if each]

    def in_flight(self, at: Seen) -> int:
        """Bytes that were sent until that frame (itself included) and not yet acknowledged, seen at the sender."""
        sent = acknowledged = 0
        for number, segment, place in self._events:
            if number <= at.number:
                sent = max(sent, segment.end if segment else 0)
                acknowledged = max(acknowledged, place)
        return max(0, sent - acknowledged)

    def repeats(self) -> list[Repeat]:
        """What was sent again, each with the duplicate acknowledgments that came before it."""
        found = []
        for again in (one for one in self.segments if one.again):
            first = max((one for one in self.segments if one.start <= again.start < one.end
                         and one.seen.number < again.seen.number), key=lambda one: one.seen.number)  # fmt: skip
            asking = [seen for seen, place in self.acknowledgments if place == again.start
                      and first.seen.number < seen.number < again.seen.number and not payload(seen)]  # fmt: skip
            # The first one that asks for it acknowledges what was before it; it may have come before `first` was sent.
            is_repeated = any(place == again.start and seen.number < first.seen.number
                              for seen, place in self.acknowledgments)  # fmt: skip
            if asking and not is_repeated and not _has_block(asking[0]):
                del asking[0]
            found.append(Repeat(first, again, tuple(asking)))
        return found


class Connection:
    """One TCP connection, from its SYN on. `there` is the way from the client to the server, `back` the other one."""

    def __init__(self, hello: Seen, frames: Sequence[Seen]) -> None:
        self.hello = hello
        """The SYN that opens it; the first of them."""
        self.frames = list(frames)
        client, _ = _ends(hello)
        mine = [seen for seen in frames if _ends(seen)[0] == client]
        others = [seen for seen in frames if _ends(seen)[0] != client]
        self.there, self.back = Way(mine, others), Way(others, mine)

    def __repr__(self) -> str:
        return f"<Connection {self.client} port {self.client_port} -> {self.server} port {self.server_port}>"

    @property
    def client(self) -> str:
        """The address of who opened it."""
        return ip_text(_ends(self.hello)[0][0])

    @property
    def server(self) -> str:
        """The address to which the SYN went."""
        return ip_text(_ends(self.hello)[1][0])

    @property
    def client_port(self) -> int:
        return int(self.hello[TCP].src_port)

    @property
    def server_port(self) -> int:
        return int(self.hello[TCP].dst_port)

    @property
    def accepted(self) -> Seen | None:
        """The SYN-ACK."""
        return next((seen for seen in self.back.sent if seen[TCP].flags & TCP.SYN), None)

    @property
    def refused(self) -> Seen | None:
        """The RST that answered the SYN."""
        return None if self.accepted else self.reset

    @property
    def reset(self) -> Seen | None:
        """The first RST of the server."""
        return next((seen for seen in self.back.sent if seen[TCP].flags & TCP.RST), None)

    @property
    def asked(self) -> bytes:
        """What the client said."""
        return self.there.data

    @property
    def answered(self) -> bytes:
        """What the server said."""
        return self.back.data

    @property
    def status(self) -> int:
        """Of the first HTTP response; 0 where there is none."""
        words = self.answered[:64].split(b" ", 2)
        is_http = words[0].startswith(b"HTTP/") and len(words) > 1 and words[1][:3].isdigit()
        return int(words[1][:3]) if is_http else 0

    @property
    def round_trip(self) -> int:
        """Nanoseconds from SYN to SYN-ACK, seen at the client; 0 where there is no SYN-ACK."""
        return self.accepted.time - self.hello.time if self.accepted else 0


def _ends(seen: Seen) -> tuple[End, End]:
    """Who sent it, and to whom."""
    header = seen.packet.get(IPv4) or seen.packet[IPv6]
    tcp = seen[TCP]
    return (header.src, tcp.src_port), (header.dst, tcp.dst_port)


def _has_block(seen: Seen) -> bool:
    return any(isinstance(option, SACK) and option.blocks for option in seen[TCP].options)


def connections(hellos: Iterable[Seen], frames: Iterable[Seen]) -> list[Connection]:
    """The connections that those SYNs open, each with those of the frames that are its own; both in order of time.

    A SYN that is sent again opens nothing; one with another sequence number, between the same ports, opens the next
    connection. SYN-ACKs and what is no SYN are passed over among `hellos`.
    """
    opened: dict[frozenset[End], list[tuple[Seen, list[Seen]]]] = {}
    for seen in hellos:
        tcp = seen.packet.get(TCP)
        if tcp is None or not tcp.flags & TCP.SYN or tcp.flags & TCP.ACK:
            continue
        rows = opened.setdefault(frozenset(_ends(seen)), [])
        if not rows or rows[-1][0][TCP].sequence != tcp.sequence:
            rows.append((seen, []))
    for seen in frames:
        if TCP in seen and (rows := opened.get(frozenset(_ends(seen)), [])):
            own = [row for hello, row in rows if hello.number <= seen.number]
            if own:
                own[-1].append(seen)
    found = [Connection(hello, row) for rows in opened.values() for hello, row in rows]
    return sorted(found, key=lambda one: one.hello.number)
