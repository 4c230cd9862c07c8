"""What a capture says besides its packets: sections, interfaces, names, secrets, statistics, comments.

All of it is bounded (`MOST_NOTES`, `MOST_SECRET_BYTES`), because a hostile file may hold nothing else; what
was beyond the bound is counted in `CaptureNotes.left_out`.
"""

from dataclasses import dataclass, field

from packetlab.model.frame import Direction

MOST_NOTES = 100_000
"""Entries of each kind that are kept."""
MOST_SECRET_BYTES = 1 << 26
MOST_TEXT = 1 << 16
"""Bytes of one text that are kept."""

LATEST = (1 << 63) - 1
"""Times are held within 64 bits; a file can say later ones, and they are shown as this."""


def clamp_time(nanoseconds: int) -> int:
    """`nanoseconds` within what 64 bits with a sign can hold."""
    return max(-LATEST - 1, min(LATEST, nanoseconds))


@dataclass(slots=True)
class Interface:
    """One interface of a capture (pcapng Interface Description Block, section 4.2)."""

    number: int
    """Counts from 0 over the whole file; within its section it is `number_in_section`."""
    link_type: int
    snap_length: int = 0
    """0 where there is no limit."""
    name: str = ""
    description: str = ""
    filter: str = ""
    operating_system: str = ""
    hardware: str = ""
    comment: str = ""
    ticks: int = 1_000_000
    """Time units per second."""
    time_offset: int = 0
    """Seconds to add to every time."""
    frame_check_length: int = 0
    mac: bytes = b""
    addresses: tuple[bytes, ...] = ()
    speed: int = 0
    """Bits per second; 0 where not known."""
    section: int = 0
    number_in_section: int = 0
    guessed: bool = False
    """True where the file never described it."""
    label: str = ""
    """The name if it has one, else "interface 2": what a frame's `interface` says."""

    scale: int = 0
    """Nanoseconds per time unit where `is_simple`."""
    is_simple: bool = True
    """Whether a time is just its units times `scale`."""

    def __post_init__(self) -> None:
        self.label = self.label or self.name or f"interface {self.number}"
        self.scale = 1_000_000_000 // self.ticks
        self.is_simple = self.time_offset == 0 and 1_000_000_000 % self.ticks == 0

    def time(self, ticks: int) -> int:
        """Nanoseconds since the epoch for a time in this interface's units."""
        return clamp_time(ticks * 1_000_000_000 // self.ticks + self.time_offset * 1_000_000_000)


@dataclass(slots=True)
class Section:
    """One section (Section Header Block, section 4.1)."""

    offset: int
    order: str
    version: tuple[int, int] = (1, 0)
    application: str = ""
    operating_system: str = ""
    hardware: str = ""
    comments: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the capturing side counted (section 4.6); None where it did not say."""

    interface: int
    time: int
    comment: str = ""
    start: int | None = None
    end: int | None = None
    received: int | None = None
    dropped_by_interface: int | None = None
    accepted_by_filter: int | None = None
    dropped_by_system: int | None = None
    delivered: int | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """An address and its names (Name Resolution Block, section 4.5)."""

    address: bytes
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Secrets:
    """Keys to decrypt traffic with (Decryption Secrets Block, section 4.7)."""

    kind: int
    data: bytes

    @property
    def kind_name(self) -> str:
        """Such as "TLS Key Log"."""
        return _SECRET_KINDS.get(self.kind, f"type {self.kind:#x}")


_SECRET_KINDS = {
    0x544C534B: "TLS key log",
    0x5353484B: "SSH key log",
    0x57474B4C: "WireGuard key log",
    0x5A4E574B: "ZigBee NWK key",
    0x5A415053: "ZigBee APS key",
    0x4F505541: "OPC UA key log",
}


@dataclass(frozen=True, slots=True)
class OtherBlock:
    """A block that is neither packet nor description: custom (section 4.8), journal, or unknown."""

    offset: int
    kind: int
    size: int
    """Bytes of its body."""
    enterprise: int | None = None
    """The IANA private enterprise number of a custom block."""
    text: str = ""
    """A systemd journal entry."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment and where it stands: "section", "interface", "statistics", "names" or "secrets"."""

    offset: int
    where: str
    text: str


class CaptureNotes:
    """Everything of a capture that is not a packet, as far as it has been read."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.interfaces: list[Interface] = []
        self.names: list[Name] = []
        self.secrets: list[Secrets] = []
        self.statistics: list[Statistics] = []
        self.other_blocks: list[OtherBlock] = []
        self.comments: list[Comment] = []
        self.left_out = 0
        self._secret_bytes = 0

    def keep(self, kept: list[object], entry: object) -> None:
        """Appends `entry` unless there are too many."""
        if isinstance(entry, Secrets):
            self._secret_bytes += len(entry.data)
        if len(kept) >= MOST_NOTES or self._secret_bytes > MOST_SECRET_BYTES:
            self.left_out += 1
        else:
            kept.append(entry)


def direction_of(flags: int) -> Direction:
    """The direction in the two lowest bits of a packet's flags (section 4.3.1)."""
    return {1: "in", 2: "out"}.get(flags & 3, "")  # type: ignore[return-value]
