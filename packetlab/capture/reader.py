"""CaptureReader: the frames of a capture, one after the other, in flat memory.

The common case is one tight loop per format over the bytes that are here; whatever that loop cannot settle by
itself - more bytes are needed, a header looks odd, the file is damaged - is left to the walks in pcap.py
and pcapng.py, which the index (index.py) uses as well, so that both see the same packets and the same damage.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import BinaryIO, Self

from packetlab.capture import options as opt
from packetlab.capture import pcapng
from packetlab.capture.damage import DamageList
from packetlab.capture.pcap import _DIRECTIONS as PCAP_DIRECTIONS
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
    direction_of,
)
from packetlab.capture.source import CHUNK, CapturePath, Source, Window, note_trouble
from packetlab.model.errors import CaptureError
from packetlab.model.frame import Direction, Frame

_OTHER_FORMATS = {
    b"snoop\0\0\0": "a snoop file",
    b"XCP\0": "a NetXRay file",
    b"TRSNIFF data    \x1a": "a Sniffer file",
    b"GMBU": "a Network Monitor file",
    b"RTSS": "a Network Monitor file",
    b"ERF": "an ERF file",
    b"\x7fVER": "a Visual Networks file",
}


class CaptureReader:
    """Iterates over the frames of a pcap or pcapng capture, numbered from 1. A context manager.

    `source` is a path, "-" for standard input, or a binary file object (read from where it stands; a pipe is
    read as it grows). gzip, zstd, lz4, xz and bzip2 are unpacked on the way. CaptureError where it is no
    capture at all; damage inside it is noted in `damage` and never raises. It can be iterated over once.

    A packet holds at most 256 KiB (16 MiB where the file's snap length or a pcapng block says so, 128 MiB for
    D-Bus, USBPcap and EBHSCR); memory never holds more than about two of the largest.
    """

    def __init__(self, source: CapturePath | BinaryIO, *, chunk: int = CHUNK) -> None:
        self.damage = DamageList()
        self._source = Source(source)
        self._window = Window(self._source.read, step=chunk)
        self._notes = CaptureNotes()
        self.name: str = self._source.name
        self.compression: str = self._source.compression
        """"gzip", "zstd", "lz4", "xz", "bzip2" or ""."""
        self.frames_read = 0
        self.layout: PcapLayout | None = None
        """The file header of a pcap file; None for pcapng."""
        self._link_types: set[int] = set()
        try:
            self._frames = self._open()
        except CaptureError:
            self.close()
            raise

    def _open(self) -> Iterator[Frame]:
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
            self._state = pcapng.SectionState(self._notes, self.damage)
            return self._pcapng_frames()
        elif guess_magic(start):
            self.layout = read_layout(window, self.damage, name)
        else:
            raise _no_capture(name, start)
        layout = self.layout
        self._notes.interfaces.append(
            Interface(
                number=0,
                link_type=layout.link_type,
                snap_length=layout.snap_length,
                ticks=layout.ticks,
                frame_check_length=layout.frame_check_length,
            )
        )
        return self._pcap_frames(layout)

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

    # ------------------------------------------------------------ iterating

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __next__(self) -> Frame:
        return next(self._frames)

    def packets(self, count: int | None = None) -> Iterator[Frame]:
        """The frames, or the next `count` of them."""
        return islice(self._frames, count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file if this reader opened it."""
        self._source.close()

    def _pcap_frames(self, layout: PcapLayout) -> Iterator[Frame]:
        window = self._window
        walk = PcapWalk(window, layout, self.damage)
        unpack = struct.Struct(layout.order + "IIII").unpack_from
        size, most, scale = layout.header_size, layout.most_captured, layout.nanoseconds_per_tick
        link_type, plain = layout.link_type, layout.lengths == "normal" and layout.header_size == 16
        number = 0
        direction: Direction = ""
        while True:
            record = walk.step()
            if record is None:
                break
            offset, seconds, ticks, captured, wire = record
            at = offset - window.base + size
            if size == 24:
                direction = PCAP_DIRECTIONS.get(window.buf[at - 2], "in")  # type: ignore[assignment]
            number += 1
            self.frames_read = number
            data, time = window.buf[at : at + captured], seconds * 1_000_000_000 + ticks * scale
            yield Frame(data, time, wire, link_type, "", direction, number)
            if not plain:
                continue
            buf, base = window.buf, window.base
            limit = len(buf) - 16
            at += captured
            last, last_seconds = -1, 0
            while at <= limit:
                seconds, ticks, captured, wire = unpack(buf, at)
                behind = at + 16 + captured
                if behind > limit + 16 or captured > most or captured > wire or not wire:
                    break
                number += 1
                self.frames_read = number
                time = seconds * 1_000_000_000 + ticks * scale
                yield Frame(buf[at + 16 : behind], time, wire, link_type, "", "", number)
                last, last_seconds, at = at, seconds, behind
            if last >= 0:
                walk.position, walk.previous, walk.previous_seconds = base + at, base + last, last_seconds
        note_trouble(self._source, window, self.damage)

    def _pcapng_frames(self) -> Iterator[Frame]:
        walk, state, window = self._blocks, self._state, self._window
        number = 0
        while True:
            block = walk.step()
            if block is None:
                break
            offset, kind, length = block
            if not length:
                state.take(kind, offset, walk.lost_body, walk.order)
                continue
            start = offset - window.base
            if kind == pcapng.PACKET:
                frame = self._enhanced(offset, window.buf, start, length, number + 1)
            elif kind == pcapng.SIMPLE_PACKET:
                frame = self._simple(offset, window.buf, start, length, number + 1)
            elif kind == pcapng.OLD_PACKET:
                frame = self._old(offset, window.buf, start, length, number + 1)
            else:
                state.take(kind, offset, window.buf[start + 8 : start + length - 4], walk.order)
                continue
            if frame is not None:
                number += 1
                self.frames_read = number
                yield frame
        note_trouble(self._source, window, self.damage)

    def _enhanced(self, offset: int, buf: bytes, start: int, length: int, number: int) -> Frame | None:
        if length < 32:
            self.damage.note(offset, "a packet block is too short", length, 1)
            return None
        fields = struct.unpack_from(self._blocks.order + "IIIII", buf, start + 8)
        return self._framed(offset, buf, start + 28, start + length - 4, number, fields)

    def _old(self, offset: int, buf: bytes, start: int, length: int, number: int) -> Frame | None:
        if length < 32:
            self.damage.note(offset, "a packet block is too short", length, 1)
            return None
        which, _, *rest = struct.unpack_from(self._blocks.order + "HHIIII", buf, start + 8)
        return self._framed(offset, buf, start + 28, start + length - 4, number, (which, *rest))

    def _framed(
        self, offset: int, buf: bytes, at: int, stop: int, number: int, fields: tuple[int, ...]
    ) -> Frame | None:
        which, high, low, captured, wire = fields
        length = stop - at + 32
        interface = self._interface(offset, length, which)
        if interface is None:
            return None
        if captured > stop - at:
            self.damage.note(offset, f"a packet of {captured} bytes does not fit into its block", length, 1)
            return None
        time = interface.time(high << 32 | low)
        behind = at + captured
        data = buf[at:behind]
        behind += -captured & 3
        direction: Direction = ""
        comment = ""
        if stop - behind >= 4:
            options, unread = opt.parse(buf, behind, stop, self._blocks.order)
            flags = opt.number(opt.first(options, opt.PACKET_FLAGS), self._blocks.order)
            direction = direction_of(flags or 0)
            comment = "\n".join(opt.comments(options))
            if unread:
                self.damage.note(offset, "a packet's options go beyond its block", unread, 0)
        return Frame(data, time, wire, interface.link_type, interface.label, direction, number, comment)

    def _simple(self, offset: int, buf: bytes, start: int, length: int, number: int) -> Frame | None:
        if length < 16:
            self.damage.note(offset, "a packet block is too short", length, 1)
            return None
        interface = self._interface(offset, length, 0)
        if interface is None:
            return None
        (wire,) = struct.unpack_from(self._blocks.order + "I", buf, start + 8)
        # It does not say how much was captured: as much as the snap length let through (section 4.4).
        captured = min(wire, interface.snap_length or wire, length - 16)
        data = buf[start + 12 : start + 12 + captured]
        return Frame(data, 0, wire, interface.link_type, interface.label, "", number)

    def _interface(self, offset: int, length: int, which: int) -> Interface | None:
        known = len(self._state.interfaces)
        interface = self._state.interface_of(which)
        if interface is None:
            what = f"a packet is of interface {which}, which was never described"
            self.damage.note(offset, what, length, 1)
            return None
        if which >= known:
            taken = f"its packets are taken as link type {interface.link_type}"
            self.damage.note(offset, f"interface {which} was never described; {taken}", 0, 0)
        return interface


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


def read(source: CapturePath | BinaryIO) -> CaptureReader:
    """The frames of a capture: `for frame in read("x.pcapng"): ...`. See CaptureReader."""
    return CaptureReader(source)
