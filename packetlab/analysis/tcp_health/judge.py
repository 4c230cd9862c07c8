"""What one segment is among those of its connection: the rules, in the order in which they are asked.

They are those of Wireshark 4.0 as its user guide ("TCP Analysis") and its behaviour tell them, in one pass: a
segment is judged by what came before it, never by what came later. Where the guide is silent:

* a segment is out of order rather than sent again if it came within the handshake's round trip (3 ms if that was
  not seen) after the highest byte and does not end there too;
* it is a fast retransmission if it begins at a byte that was asked for at least twice again within 20 ms;
* what is one byte into a closed window is a probe and nothing else;
* one sent again fast or needlessly is a retransmission too.

One thing is told besides: whether a segment called out of order was seen before in this capture. Then it was sent
again after all (a second loss that SACK showed, say); Wireshark tells that only since 4.2.
"""

from packetlab.analysis.tcp_health.kinds import Kind
from packetlab.analysis.tcp_health.state import HALF, MASK, Sender
from packetlab.transport.tcp import TCP

FAST_NS = 20_000_000
REORDERED_NS = 3_000_000
"""Without a round trip to go by."""

SYN, FIN, RST, ACK = (int(flag) for flag in (TCP.SYN, TCP.FIN, TCP.RST, TCP.ACK))
PUSH = int(TCP.PSH)
CONTROL = SYN | FIN | RST

# Plain numbers: an IntFlag's operators cost more than all the rest.
RETRANSMISSION, FAST, SPURIOUS, OUT_OF_ORDER, LOST, ACK_LOST, DUPLICATE, ZERO, PROBE, PROBE_ACK, FULL, UPDATE = (
    int(kind) for kind in (
        Kind.RETRANSMISSION, Kind.FAST_RETRANSMISSION, Kind.SPURIOUS_RETRANSMISSION, Kind.OUT_OF_ORDER,
        Kind.LOST_SEGMENT, Kind.ACK_LOST_SEGMENT, Kind.DUPLICATE_ACK, Kind.ZERO_WINDOW, Kind.ZERO_WINDOW_PROBE,
        Kind.ZERO_WINDOW_PROBE_ACK, Kind.WINDOW_FULL, Kind.WINDOW_UPDATE,
    )
)  # fmt: skip
KEEP_ALIVE, KEEP_ALIVE_ACK, REUSED, REPEATED = (
    int(kind) for kind in (Kind.KEEP_ALIVE, Kind.KEEP_ALIVE_ACK, Kind.REUSED_PORTS, Kind.REPEATED)
)


def window_and_acks(
    own: Sender, peer: Sender, sequence: int, acknowledged: int, flags: int, window: int, length: int
) -> int:
    """Probes, windows, gaps, keep-alives, duplicate acknowledgements; `own` is as before this segment."""
    following = own.next_sequence
    expected = sequence == following
    if length == 1 and expected and peer.window == 0:
        return PROBE
    kinds = 0
    if not flags & CONTROL and window == 0:
        kinds = ZERO
    if not expected and following >= 0 and (following - sequence) & MASK >= HALF and not flags & RST:
        kinds |= LOST
        own.in_flight_known = False
    if flags & CONTROL:
        return kinds
    if length <= 1 and (sequence + 1) & MASK == following:
        kinds |= KEEP_ALIVE
    if length:
        if peer.scale != -1 and (sequence + length) & MASK == peer.window_edge():
            kinds |= FULL
    elif expected and acknowledged == own.acknowledged:
        if window != own.window:
            return kinds | UPDATE if window else kinds
        if window and peer.last_kinds & KEEP_ALIVE:
            return kinds | KEEP_ALIVE_ACK
        if window:
            own.duplicate_acks = 1 if own.duplicate_acks < 0 else own.duplicate_acks + 1
            return kinds | DUPLICATE
        if peer.last_kinds & PROBE:
            return kinds | PROBE_ACK
    return kinds


def unseen(peer: Sender) -> int:
    """Whether an acknowledgement beyond what was seen of the peer is news: once for each gap."""
    if peer.contiguous != peer.next_sequence:
        peer.contiguous = peer.next_sequence
        return ACK_LOST
    first = peer.duplicate_acks == 0
    peer.duplicate_acks = -1
    return ACK_LOST if first else 0


def order(
    own: Sender, peer: Sender, sequence: int, flags: int, length: int, time: int, round_trip: int
) -> int:
    """Sent again, or out of order: of a segment with payload, SYN or FIN that is no keep-alive."""
    following = own.next_sequence
    old = following >= 0 and (sequence - following) & MASK >= HALF
    if length > 1 and (sequence + 1) & MASK == following:
        old = False  # what follows a probe begins with the byte that the probe brought
    end = (sequence + length) & MASK
    if length and peer.acknowledged > 0 and (peer.acknowledged - end) & MASK < HALF:
        return SPURIOUS | RETRANSMISSION
    if not old:
        return 0
    if (peer.duplicate_acks >= 2 and peer.acknowledged == sequence
            and 0 <= time - peer.acknowledged_time < FAST_NS):  # fmt: skip
        return FAST | RETRANSMISSION
    if flags & (SYN | FIN):
        end = (end + 1) & MASK
    if 0 <= time - own.next_time < (round_trip or REORDERED_NS) and following != end:
        return OUT_OF_ORDER | (REPEATED if own.unacked.hold(sequence, end) else 0)
    return RETRANSMISSION
