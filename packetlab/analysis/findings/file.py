"""What is wrong with the capture itself: damage, packets cut short, clocks that go back; and headers that lie.

Packets whose headers could all be read by their columns are sound. Only the others are taken apart here, and of
those no more than MOST_TAKEN_APART of a capture.
"""

from collections.abc import Sequence

import numpy as np

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Seen, address
from packetlab.capture.damage import Damage
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.model.packet import Packet

MOST_TAKEN_APART = 20_000

DAMAGED = Kind(
    "capture-damaged", "warning", "capture", "The file is damaged",
    "Part of the capture file could not be read. Packets were lost there, so things may look unanswered that were not.",
    "packetlab pcap repair FILE writes what is sound; look for a full disk, a killed recorder, a text transfer.",
)  # fmt: skip
CUT = Kind(
    "capture-cut", "note", "capture", "Packets were cut when they were recorded",
    "The recorder kept only the beginning of these packets (snapshot length). What lies behind cannot be examined: "
    "checksums, payload, messages.",
    "Record again with whole packets: tcpdump -s 0.", "frame.cap_len < frame.len",
)  # fmt: skip
CLOCK = Kind(
    "capture-clock", "note", "capture", "Time goes back",
    "A packet has an earlier time than the one before it. The recorder's clock was set, or packets of several "
    "interfaces or files were put together out of order. Delays around it mean nothing.",
    "Sort by time before you trust a delay; merged files should be merged by time.",
)  # fmt: skip
MALFORMED = Kind(
    "malformed", "warning", "any", "A header contradicts itself",
    "A length or count in a header does not fit what is there. Software that sends this is broken, the packet was "
    "damaged, or somebody tries how the receiver takes it.",
    "Look at the packet: packetlab show FILE -n NUMBER --bytes",
)  # fmt: skip

_BACK = 1_000_000  # a millisecond: less is the jitter of several CPUs that stamp packets


class CaptureState:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.left = MOST_TAKEN_APART
        self.last: int | None = None

    def take(self, seen: Seen) -> None:
        packets = seen.chunk.packets
        keep = np.ones(len(packets), bool) if seen.keep is None else seen.keep
        cut = np.flatnonzero((packets.captured < packets.wire) & keep)
        if len(cut):
            self.notes.add_all(CUT, "capture", (cut[:50] + seen.first).tolist())
            self.notes.add(CUT, "capture", count=len(cut) - len(cut[:50]))
        self._clock(seen)
        for row in np.flatnonzero(seen.scan._slow & keep).tolist():
            if not self.left:
                break
            self.left -= 1
            packet = seen.packet(row)
            fault = next((one for one in packet.faults if one.cause == "sender"), None)
            if fault is not None:
                self.notes.add(
                    MALFORMED, f"{fault.layer} {ends_of(packet)}".rstrip(), seen.first + row, detail=fault.text
                )

    def _clock(self, seen: Seen) -> None:
        time = seen.time
        back = np.flatnonzero(np.diff(time, prepend=time[0] if self.last is None else self.last) < -_BACK)
        self.last = int(time[-1])
        for row in back[:50].tolist():
            self.notes.add(CLOCK, "capture", seen.first + row)
        if len(back) > 50:
            self.notes.add(CLOCK, "capture", count=len(back) - 50)

    def end(self) -> None:
        """Nothing is open."""


def ends_of(packet: Packet) -> str:
    """The innermost IP addresses of a packet."""
    header = next((one for one in reversed(packet.layers) if isinstance(one, IPv4 | IPv6)), None)
    return f"{address(header.src)} -> {address(header.dst)}" if header is not None and header.dst else ""


def damage_found(notes: Notebook, damage: Sequence[Damage]) -> None:
    """The damaged places of the file."""
    for one in damage[:20]:
        notes.add(DAMAGED, f"offset {one.offset}", None, detail=str(one).split(": ", 1)[-1])
    if len(damage) > 20:
        notes.add(DAMAGED, "more places", None, count=len(damage) - 20)
