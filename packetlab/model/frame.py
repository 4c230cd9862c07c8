"""A frame: the bytes of one packet as they were seen on an interface, and what was known about them then."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["in", "out", ""]

# Link types are those of pcap and pcapng files: https://www.tcpdump.org/linktypes.html
ETHERNET_LINK_TYPE = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured (or sent) frame. `data` may be shorter than `wire_length` where the capture cut it."""

    data: bytes
    time: int
    """Nanoseconds since 1970-01-01T00:00Z."""
    wire_length: int
    """Bytes that were on the wire."""
    link_type: int = ETHERNET_LINK_TYPE
    """Says which header comes first (LINKTYPE_ of the pcap registry)."""
    interface: str = ""
    direction: Direction = ""
    number: int = 0
    """Counts from 1 within its capture; 0 where there is none."""
    comment: str = ""
    checksum_ready: bool = True
    """False where the kernel said that the network card was still to fill in the checksum (offload)."""

    @property
    def seconds(self) -> float:
        """The time in seconds since the epoch; loses the last digits of a nanosecond clock."""
        return self.time / 1e9

    @property
    def is_cut(self) -> bool:
        """True where the capture kept fewer bytes than were on the wire."""
        return len(self.data) < self.wire_length
