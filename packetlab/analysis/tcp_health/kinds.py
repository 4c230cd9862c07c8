"""What can be said of one TCP segment among the others of its connection: names, and what each means.

The names are those that Wireshark's fields have after `tcp.analysis.`, so that what is known of one program holds
for the other; one kind (REPEATED) is ours.
"""

from dataclasses import dataclass
from enum import IntFlag


class Kind(IntFlag):
    """What was found of a segment; several may hold at once."""

    RETRANSMISSION = 1
    FAST_RETRANSMISSION = 2
    SPURIOUS_RETRANSMISSION = 4
    OUT_OF_ORDER = 8
    LOST_SEGMENT = 16
    ACK_LOST_SEGMENT = 32
    DUPLICATE_ACK = 64
    ZERO_WINDOW = 128
    ZERO_WINDOW_PROBE = 256
    ZERO_WINDOW_PROBE_ACK = 512
    WINDOW_FULL = 1024
    WINDOW_UPDATE = 2048
    KEEP_ALIVE = 4096
    KEEP_ALIVE_ACK = 8192
    REUSED_PORTS = 16384
    REPEATED = 32768
    """Not one of Wireshark's: see its meaning."""


SENT_AGAIN = Kind.RETRANSMISSION | Kind.FAST_RETRANSMISSION | Kind.SPURIOUS_RETRANSMISSION | Kind.REPEATED


@dataclass(frozen=True, slots=True)
class Meaning:
    """A kind's name as in Wireshark's fields, its short title, and what it means in a sentence."""

    name: str
    title: str
    text: str


MEANINGS: dict[Kind, Meaning] = {
    Kind.RETRANSMISSION: Meaning(
        "retransmission", "retransmission",
        "Bytes that were sent before come again: the sender had no acknowledgement in time (RFC 6298)."),
    Kind.FAST_RETRANSMISSION: Meaning(
        "fast_retransmission", "fast retransmission",
        "Sent again right after duplicate acknowledgements asked for it, without waiting (RFC 5681, section 3.2)."),
    Kind.SPURIOUS_RETRANSMISSION: Meaning(
        "spurious_retransmission", "needless retransmission",
        "Sent again although it had been acknowledged: the acknowledgement was lost or late."),
    Kind.OUT_OF_ORDER: Meaning(
        "out_of_order", "out of order",
        "Comes after later bytes, too soon to be a retransmission: the network changed the order."),
    Kind.LOST_SEGMENT: Meaning(
        "lost_segment", "gap before",
        "Bytes before this segment are not in the capture so far: lost, reordered, or not captured."),
    Kind.ACK_LOST_SEGMENT: Meaning(
        "ack_lost_segment", "acknowledges unseen bytes",
        "Acknowledges bytes that are not in the capture: the capture missed packets, the network did not."),
    Kind.DUPLICATE_ACK: Meaning(
        "duplicate_ack", "duplicate acknowledgement",
        "Acknowledges the same byte again: something after a missing segment arrived (RFC 5681, section 2)."),
    Kind.ZERO_WINDOW: Meaning(
        "zero_window", "window zero",
        "The receiver has no room: its application does not read. The sender has to stop (RFC 9293, 3.8.6)."),
    Kind.ZERO_WINDOW_PROBE: Meaning(
        "zero_window_probe", "zero window probe",
        "One byte sent into a closed window to learn whether it has opened (RFC 9293, section 3.8.6.1)."),
    Kind.ZERO_WINDOW_PROBE_ACK: Meaning(
        "zero_window_probe_ack", "answer to a zero window probe", "The window is still closed."),
    Kind.WINDOW_FULL: Meaning(
        "window_full", "window full",
        "Sent up to the edge of the receiver's window: the sender has to wait for room."),
    Kind.WINDOW_UPDATE: Meaning(
        "window_update", "window update", "Nothing but a new window: the receiver has made room."),
    Kind.KEEP_ALIVE: Meaning(
        "keep_alive", "keep-alive",
        "An old byte, or none, sent to see whether the other side is still there (RFC 9293, section 3.8.4)."),
    Kind.KEEP_ALIVE_ACK: Meaning("keep_alive_ack", "answer to a keep-alive", "The other side is still there."),
    Kind.REUSED_PORTS: Meaning(
        "reused_ports", "ports used again",
        "A new connection between the same addresses and ports as an earlier one in the capture."),
    Kind.REPEATED: Meaning(
        "repeated", "though seen before: sent again",
        "Called out of order for its time, but its bytes are in the capture already: sent again very soon."),
}  # fmt: skip


def names(kinds: int) -> list[str]:
    """The names of the kinds in a mask, most telling first."""
    return [meaning.name for kind, meaning in MEANINGS.items() if kinds & kind]
