"""An opened capture: which format it is, and everything that it says besides its packets.

The base of the reader of frames (reader.py) and of the index (index.py). It finds out what kind of file this is,
prepares the walk from record to record, and holds what has been learnt so far.
"""

from types import TracebackType
from typing import BinaryIO, Self

from packetlab.capture import pcapng
from packetlab.capture.damage import DamageList
from packetlab.capture.pcap import PcapLayout, PcapWalk, guess_magic, magic_of, read_layout
from packetlab.capture.sections import (
    CaptureNotes,
    Comment,
    Interface,
    Name,
    OtherBlock,
    Secrets,
    Section,
    Statistics,
)
from packetlab.capture.source import CapturePath, MappedWindow, Source, Window, note_trouble
from packetlab.model.errors import CaptureError

_OTHER_FORMATS = {
    b"snoop\0\0\0": "a snoop file",
    b"XCP\0": "a NetXRay file",
    b"TRSNIFF data    \x1a": "a Sniffer file",
    b"GMBU": "a Network Monitor file",
    b"RTSS": "a Network Monitor file",
    b"ERF": "an ERF file",
    b"\x7fVER": "a Visual Networks file",
}


class OpenCapture:
    """A capture of which the beginning has been read. A context manager; CaptureError where it is no capture."""

    def __init__(self, source: CapturePath | BinaryIO, *, chunk: int, mapped: bool = False) -> None:
        self.damage = DamageList()
        self._source = Source(source)
        self.name: str = self._source.name
        self.compression: str = self._source.compression
        """"gzip", "zstd", "lz4", "xz", "bzip2" or ""."""
        file = self._source.plain_file if mapped else None
        self._window = MappedWindow(file, step=chunk) if file else Window(self._source.read, step=chunk)
        self._notes = CaptureNotes()
        self.layout: PcapLayout | None = None
        """The file header of a pcap file; None for pcapng."""
        self._pcap: PcapWalk | None = None
        self._blocks: pcapng.BlockWalk | None = None
        self._state = pcapng.SectionState(self._notes, self.damage)
        try:
            self._recognise()
        except CaptureError:
            self.close()
            raise

    def _recognise(self) -> None:
        window, name = self._window, self.name
        window.need(0, 24)
        start = window.peek(0, 24)
        if not start:
            trouble = self._source.trouble
            if trouble:
                raise CaptureError(f"{name} cannot be read: {trouble}", remedy="fetch or record it again")
            raise CaptureError(f"{name} is empty", remedy="no packet was written to it; record it again")
        if len(start) >= 4 and magic_of(start):
            self.layout = read_layout(window, self.damage, name)
        elif pcapng.is_section_start(start):
            self._blocks = pcapng.open_blocks(window, self.damage, name)
            return
        elif guess_magic(start):
            self.layout = read_layout(window, self.damage, name)
        else:
            raise _no_capture(name, start)
        self._pcap = PcapWalk(window, self.layout, self.damage)
        self._notes.interfaces.append(
            Interface(
                number=0,
                link_type=self.layout.link_type,
                snap_length=self.layout.snap_length,
                ticks=self.layout.ticks,
                frame_check_length=self.layout.frame_check_length,
            )
        )

    def _note_end(self) -> None:
        """Adds the reason why the stream stopped early, if it did, and closes the file."""
        note_trouble(self._source, self._window, self.damage)
        self.close()

    # ------------------------------------------------------------ what is known so far

    @property
    def format(self) -> str:
        """ "pcap" or "pcapng"."""
        return "pcap" if self.layout else "pcapng"

    @property
    def description(self) -> str:
        """The format in words, such as "pcap, nanoseconds, little-endian, in gzip"."""
        words = self.layout.name if self.layout else "pcapng"
        return f"{words}, in {self.compression}" if self.compression else words

    @property
    def part_read(self) -> float | None:
        """How much of the file has been read so far, from 0 to 1; None where its size is not known (a pipe)."""
        return self._source.part_read(self._window.end)

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces described so far (pcap: the one)."""
        return self._notes.interfaces

    @property
    def sections(self) -> list[Section]:
        """The sections so far; empty for pcap."""
        return self._notes.sections

    @property
    def comments(self) -> list[Comment]:
        """Comments so far that are not a packet's."""
        return self._notes.comments

    @property
    def names(self) -> list[Name]:
        """Addresses with their names."""
        return self._notes.names

    @property
    def secrets(self) -> list[Secrets]:
        """Keys to decrypt traffic with."""
        return self._notes.secrets

    @property
    def statistics(self) -> list[Statistics]:
        """What the capturing side counted, per interface; the last entry of an interface is the latest."""
        return self._notes.statistics

    @property
    def other_blocks(self) -> list[OtherBlock]:
        """Custom, journal and unknown blocks."""
        return self._notes.other_blocks

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file if this reader opened it."""
        self._source.close()


def _no_capture(name: str, start: bytes) -> CaptureError:
    for mark, what in _OTHER_FORMATS.items():
        if start.startswith(mark):
            return CaptureError(
                f"{name} is {what}, not pcap or pcapng",
                remedy=f"convert it: editcap -F pcapng {name} {name}.pcapng",
            )
    if start.startswith((b"\n\n\n", b"\n\r\n", b"\r\n\r\r\n")):
        return CaptureError(
            f"{name} was a pcapng file until a transfer in text mode changed its line ends",
            remedy="fetch it again in binary mode; it cannot be mended",
        )
    if len(start) < 12:
        return CaptureError(f"{name} has only {len(start)} bytes and is no capture", remedy="record or fetch it again")
    shown = start[:4].hex(" ")
    return CaptureError(
        f"{name} is no capture file: it begins with {shown}, which is neither pcap nor pcapng",
        remedy="check that this is the file you meant; `file NAME` may say what it is",
    )
