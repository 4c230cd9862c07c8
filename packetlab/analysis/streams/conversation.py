"""A connection as one object: who, how much, how it ended, and (read anew when asked) what was said."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from packetlab.analysis.filter import Filter
from packetlab.analysis.segments import Endpoints
from packetlab.analysis.streams.reader import Closed, Data, Missing, Opened, events
from packetlab.capture.source import CapturePath

MAX_BYTES = 256 << 20
"""`Stream.data` gives at most so much; more has to be taken chunk by chunk."""


@dataclass(frozen=True, slots=True)
class StreamChunk:
    """A run of bytes that one side sent, or a gap."""

    direction: int
    """0 from the client, 1 from the server."""
    data: bytes
    number: int
    """The packet that brought it."""
    time: int
    offset: int
    """Bytes of that direction before it."""
    missing: int = 0
    """Bytes that lack here; data is empty then."""


@dataclass
class Stream:
    """One TCP connection. Index 0 of a pair is the client, 1 the server."""

    index: int
    """Its number, as Wireshark's tcp.stream."""
    client: str
    server: str
    handshake: bool
    """Whether the capture saw it begin."""
    first: int
    """Number of its first packet."""
    time: int
    source: CapturePath | BinaryIO
    sizes: list[int] = field(default_factory=lambda: [0, 0])
    """Bytes in each direction."""
    missing: list[int] = field(default_factory=lambda: [0, 0])
    """Bytes that lack in each direction."""
    last_time: int = 0
    how: str = "capture ended"
    """How it ended: "finished", "reset" or "capture ended"."""

    @property
    def chunks(self) -> Iterator[StreamChunk]:
        """What was said, in the order of the capture. Reads the file."""
        return follow(self.source, self.index)

    def data(self, direction: int, *, gap: bytes = b"") -> bytes:
        """All bytes of one direction (0 client's, 1 server's), up to MAX_BYTES; `gap` stands for what lacks."""
        parts, size = [], 0
        for chunk in self.chunks:
            if chunk.direction == direction and size < MAX_BYTES:
                parts.append(chunk.data if not chunk.missing else gap)
                size += len(chunk.data)
        return b"".join(parts)[:MAX_BYTES]


def follow(source: CapturePath | BinaryIO, index: int) -> Iterator[StreamChunk]:
    """What was said in connection `index`, in the order of the capture."""
    client = 0
    for event in events(source, only=(index,)):
        if isinstance(event, Opened):
            client = event.client
        elif isinstance(event, Data):
            yield StreamChunk(event.direction ^ client, event.data, event.number, event.time, event.offset)
        elif isinstance(event, Missing):
            yield StreamChunk(event.direction ^ client, b"", event.number, event.time, event.offset, event.length)


def streams(
    source: CapturePath | BinaryIO, where: Filter | None = None, only: Iterable[int] | None = None
) -> list[Stream]:
    """The TCP connections of a capture (those of which a packet fits `where`), in the order of their numbers."""
    found: dict[int, Stream] = {}
    sides: dict[int, int] = {}
    for event in events(source, where, only):
        if isinstance(event, Opened):
            if event.stream not in found:
                ends: Endpoints = event.endpoints
                sides[event.stream] = event.client
                found[event.stream] = Stream(
                    event.stream, ends.text(event.client), ends.text(event.client ^ 1), event.handshake, event.number,
                    event.time, source,
                )  # fmt: skip
            continue
        stream = found[event.stream]
        stream.last_time = max(stream.last_time, event.time)
        if isinstance(event, Data):
            stream.sizes[event.direction ^ sides[event.stream]] += len(event.data)
        elif isinstance(event, Missing):
            stream.missing[event.direction ^ sides[event.stream]] += event.length
        elif isinstance(event, Closed):
            stream.how = event.how
    return [found[index] for index in sorted(found)]
