"""Every TCP segment of a capture judged among the others of its connection, in one pass.

Segments come as columns (segments.py); one loop over plain integers judges each (judge.py) by what is remembered
of its connection (state.py), and puts what it finds into columns again. What nearly never happens (options other
than timestamps, a new connection) is looked up beside the loop. Memory: two `Sender` per connection, for at most
MOST_STREAMS; the unacknowledged segments of all together are bounded by MOST_UNACKED for each direction or an equal
part of UNACKED_IN_ALL. Segments of connections beyond that are not judged, and counted (`left_out`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from packetlab.analysis.filter import Filter
from packetlab.analysis.plan import Column
from packetlab.analysis.segments import SegmentReader, Segments
from packetlab.analysis.tcp_health import judge
from packetlab.analysis.tcp_health.judge import ACK, FIN, KEEP_ALIVE, PROBE, RETRANSMISSION, RST, SYN
from packetlab.analysis.tcp_health.options import Offered, read_options, worth_reading
from packetlab.analysis.tcp_health.state import HALF, MASK, MOST_UNACKED, Sender
from packetlab.capture.index import chunks
from packetlab.capture.source import CapturePath

MOST_STREAMS = 250_000
"""Connections that are judged (about 3 kB each, with the sums of a report)."""

UNACKED_IN_ALL = 4_000_000
"""Unacknowledged segments kept for all connections together, beyond 64 for each direction."""

LARGEST_WINDOW = 1 << 30
"""More cannot be in flight (RFC 7323, section 2.2): sequence numbers that say so belong to something else."""


@dataclass(slots=True)
class PacketHealth:
    """What was found of the segments of one chunk; arrays of equal length, in the order of the capture."""

    segments: Segments
    kinds: Column
    """int64: mask of Kind."""
    round_trip: Column
    """int64: nanoseconds from the segment that this one acknowledges to this one; -1 if it acknowledges none."""
    acknowledges: Column
    """int64: number of the packet that it acknowledges; 0 if none."""
    in_flight: Column
    """int64: bytes sent and not acknowledged after this segment; -1 if it brings none or it is not known."""
    pushed: Column
    """int64: bytes since the last PSH, with this segment; -1 where in_flight is not known."""
    duplicate: Column
    """int64: how often the acknowledgement has been repeated; 0 if this is no duplicate."""
    duplicate_of: Column
    """int64: number of the packet that it repeats; 0 if none."""
    waited: Column
    """int64: for a retransmission, nanoseconds since the oldest unacknowledged segment was sent; else -1."""
    offered: Column
    """int64: the peer's window in bytes when this segment was sent; -1 if not known, unscaled if its scale is not."""
    idle: Column
    """int64: nanoseconds since the connection's last segment, where nothing was in flight and data came; else 0."""

    handshake: Column
    """int64: the connection's first round trip, from SYN to the acknowledgement after it; 0 while it is not known."""

    @property
    def number(self) -> Column:
        """int64: packet numbers in the capture."""
        return self.segments.number

    @property
    def stream(self) -> Column:
        """int64: connection, by Wireshark's tcp.stream."""
        return self.segments.stream

    @property
    def direction(self) -> Column:
        """uint8: 0 from the sender of the connection's first packet, 1 towards it."""
        return self.segments.direction


class Conversation:
    """Both directions of a connection."""

    __slots__ = ("handshake", "last_time", "offers", "senders", "syn_time")

    def __init__(self) -> None:
        self.senders = Sender(), Sender()
        self.syn_time = -1
        """Of the last SYN that began it; -1 if none was seen."""
        self.handshake = 0
        """Nanoseconds from that SYN to the first acknowledgement after it; 0 if not seen."""
        self.last_time = -1
        self.offers: list[Offered | None] = [None, None]
        """What each side's SYN said."""


class Analyser:
    """Judges segments chunk after chunk; remembers every connection."""

    def __init__(self) -> None:
        self.reader = SegmentReader()
        self.conversations: dict[int, Conversation] = {}
        self.left_out = 0
        """Segments that were not judged: of connections beyond MOST_STREAMS, or with an impossible header length."""
        self._seen: set[tuple[tuple[bytes, int], tuple[bytes, int]]] = set()

    def read(self, part: Segments) -> PacketHealth:
        """What is to be said of the segments of the next chunk.

        One long loop: what it does per segment takes less time than the calls into which it could be cut.
        """
        known = (part.stream < MOST_STREAMS) & (part.header >= 20)
        self.left_out += int((~known).sum())
        part = part.chosen(known)
        count = len(part)
        found = _Found(count)
        self._begin(part, found.kinds)
        read = np.flatnonzero(worth_reading(part)).tolist()
        offers = {index: read_options(part.options(index)) for index in read}
        bound = min(MOST_UNACKED, 64 + UNACKED_IN_ALL // (2 * len(self.conversations) or 1))
        rows = zip(
            range(count), part.number.tolist(), part.time.tolist(), part.stream.tolist(), part.direction.tolist(),
            part.sequence.tolist(), part.acknowledgment.tolist(), part.flags.tolist(), part.window.tolist(),
            part.length.tolist(), strict=True,
        )  # fmt: skip
        conversations = self.conversations
        for index, number, time, stream, direction, sequence, acknowledged, flags, window, length in rows:
            conversation = conversations[stream]
            own, peer = conversation.senders if not direction else conversation.senders[::-1]
            if flags & ACK:
                peer.in_flight_known = True
            kinds = judge.window_and_acks(own, peer, sequence, acknowledged, flags, window, length)
            if kinds & judge.DUPLICATE:
                found.duplicate[index], found.duplicate_of[index] = own.duplicate_acks, own.first_with_ack
            if acknowledged != own.acknowledged:
                own.first_with_ack, own.duplicate_acks = number, 0
            if peer.contiguous >= 0 and flags & ACK and (peer.contiguous - acknowledged) & MASK >= HALF:
                kinds |= judge.unseen(peer)
            unacked = own.unacked
            if length or flags & (SYN | FIN):
                if not kinds & KEEP_ALIVE:
                    kinds |= judge.order(own, peer, sequence, flags, length, time, conversation.handshake)
                if kinds & (RETRANSMISSION | judge.FAST | judge.SPURIOUS) == RETRANSMISSION:
                    found.waited[index] = time - (unacked.segments[0][3] if unacked.segments else own.next_time)
                if not unacked.segments and length and conversation.last_time >= 0:
                    found.idle[index] = max(0, time - conversation.last_time)
                end = (sequence + length + (1 if flags & (SYN | FIN) else 0)) & MASK
                if len(unacked.segments) < bound:
                    unacked.add(sequence, end, number, time)
                    if peer.acknowledged >= 0 and (peer.acknowledged - sequence) & MASK < HALF:
                        unacked.stale = True
            else:
                end = sequence
            if own.first_sequence < 0:
                own.first_sequence = sequence if flags & SYN else (sequence - 1) & MASK
            if peer.first_sequence < 0 and flags & ACK:
                peer.first_sequence = (acknowledged - 1) & MASK
            # A reset that refuses a connection has no sequence number of its own (RFC 9293, section 3.10.7.1).
            if not kinds & PROBE and (sequence or not flags & RST):
                if own.next_sequence < 0 or (own.next_sequence - end) & MASK >= HALF:
                    own.next_sequence, own.next_number, own.next_time = end, number, time
                if sequence == own.contiguous or own.contiguous < 0:
                    own.contiguous = own.next_sequence
            if flags & SYN:
                if own.first_sequence >= 0 and sequence != own.first_sequence:
                    kinds |= judge.REUSED
                    own.first_sequence = sequence
                self._handshake(conversation, direction, flags, time, offers.get(index))
            elif conversation.handshake == 0 and flags & ACK and conversation.syn_time >= 0:
                conversation.handshake = time - conversation.syn_time
            found.handshake[index] = conversation.handshake
            own.window, own.unscaled = window, bool(flags & SYN)
            if acknowledged != own.acknowledged or peer.unacked.stale:
                own.acknowledged = acknowledged
                if peer.unacked.segments and flags & ACK:
                    answered = peer.unacked.acknowledge(acknowledged)
                    peer.unacked.stale = False
                    if answered is not None:
                        found.round_trip[index], found.acknowledges[index] = time - answered[3], answered[2]
            own.acknowledged_time, own.last_kinds = time, kinds
            if length:
                found.offered[index] = peer.offered()
                if own.in_flight_known and unacked.segments:
                    amount = (((unacked.highest - unacked.lowest) & MASK) - peer.sacked) & MASK
                    own.push_bytes = length if own.push_ended else own.push_bytes + length
                    own.push_ended = bool(flags & judge.PUSH)
                    if 0 < amount <= LARGEST_WINDOW:
                        found.in_flight[index] = amount - (1 if flags & (SYN | FIN) else 0)
                        found.pushed[index] = own.push_bytes
            offer = offers.get(index)
            own.sacked = sum(right - left for left, right in offer.blocks[:3]) & MASK if offer and offer.blocks else 0
            conversation.last_time = time
            if kinds:
                found.kinds[index] |= kinds
        return found.columns(part)

    def _begin(self, part: Segments, kinds: list[int]) -> None:
        """Remember the connections that begin in this chunk, and mark those of ports used again."""
        streams = self.reader.streams
        new = range(len(self.conversations), min(len(streams), MOST_STREAMS))
        if not new:
            return
        places = dict(zip(*(column.tolist() for column in np.unique(part.stream, return_index=True)), strict=True))
        for stream in new:
            self.conversations[stream] = Conversation()
            ends = streams[stream]
            one, other = (ends.src, ends.src_port), (ends.dst, ends.dst_port)
            both = (one, other) if one < other else (other, one)
            if both in self._seen and stream in places:
                kinds[places[stream]] |= judge.REUSED
            self._seen.add(both)

    @staticmethod
    def _handshake(conversation: Conversation, side: int, flags: int, time: int, offer: Offered | None) -> None:
        """Note a SYN, and what both SYNs together agree on: scaling holds if both offer it (RFC 7323, section 2.2)."""
        offer = offer or Offered()
        conversation.offers[side] = offer
        sender, peer = conversation.senders[side], conversation.senders[1 - side]
        if not flags & ACK:
            conversation.syn_time = time
        sender.scale = -2 if offer.scale is None else offer.scale
        other = conversation.offers[1 - side]
        if other is not None and (offer.scale is None or other.scale is None):
            sender.scale = peer.scale = -2


class _Found:
    """The findings of a chunk as lists, where nothing was found yet."""

    __slots__ = ("acknowledges", "duplicate", "duplicate_of", "handshake", "idle", "in_flight", "kinds", "offered",
                 "pushed", "round_trip", "waited")  # fmt: skip

    def __init__(self, count: int) -> None:
        self.kinds, self.acknowledges, self.duplicate, self.duplicate_of = ([0] * count for _ in range(4))
        self.idle, self.handshake = ([0] * count for _ in range(2))
        self.round_trip, self.in_flight, self.pushed, self.waited, self.offered = ([-1] * count for _ in range(5))

    def columns(self, part: Segments) -> PacketHealth:
        return PacketHealth(part, **{name: np.asarray(getattr(self, name), np.int64) for name in self.__slots__})


def health(source: CapturePath | BinaryIO, where: Filter | None = None) -> Iterator[PacketHealth]:
    """What is to be said of every TCP segment of a capture, chunk by chunk.

    `where` leaves packets out of what is given; all are judged. Good until the next chunk is asked for.
    """
    analyser = Analyser()
    first_time: int | None = None
    with chunks(source) as index:
        for chunk in index:
            found = analyser.read(analyser.reader.read(chunk))
            if where is not None:
                first_time = int(chunk.packets.time[0]) if first_time is None else first_time
                found = chosen(found, where.select(chunk, first_time)[found.segments.row])
            yield found


def chosen(found: PacketHealth, keep: Column) -> PacketHealth:
    """The segments for which `keep` (a mask) is true."""
    return PacketHealth(found.segments.chosen(keep), **{name: getattr(found, name)[keep] for name in _Found.__slots__})
