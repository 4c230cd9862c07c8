"""CaptureReader: the frames of a capture, one after the other, in flat memory.

The common case is one tight loop per format over the bytes that are here; whatever that loop cannot settle by
itself - more bytes are needed, a header looks odd, the file is damaged - is left to the walks in pcap.py
and pcapng.py, which the index (index.py) uses as well, so that both see the same packets and the same damage.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from packetlab.capture import options as opt
from packetlab.capture import pcapng
from packetlab.capture.opened import OpenCapture
from packetlab.capture.pcap import DIRECTIONS as PCAP_DIRECTIONS
from packetlab.capture.pcap import HUGE_BOUND, PcapLayout, PcapWalk
from packetlab.capture.quick import quick_frame
from packetlab.capture.sections import LATEST, direction_of
from packetlab.capture.source import CHUNK, CapturePath
from packetlab.model.frame import Direction, Frame


class CaptureReader(OpenCapture):
    """Iterates over the frames of a pcap or pcapng capture, numbered from 1. A context manager.

    `source` is a path, "-" for standard input, or a binary file object (read from where it stands; a pipe is
    read as it grows). gzip, zstd, lz4, xz and bzip2 are unpacked on the way. CaptureError where it is no
    capture at all; damage inside it is noted in `damage` and never raises. It can be iterated over once.

    A packet holds at most 256 KiB (16 MiB where the file's snap length or a pcapng block says so, 128 MiB for
    D-Bus, USBPcap and EBHSCR); memory never holds more than about two of the largest.
    """

    def __init__(self, source: CapturePath | BinaryIO, *, chunk: int = CHUNK) -> None:
        super().__init__(source, chunk=chunk)
        self.frames_read = 0
        if self._pcap is not None and self.layout is not None:
            self._frames = self._pcap_frames(self._pcap, self.layout)
        elif self._blocks is not None:
            self._frames = self._pcapng_frames(self._blocks)

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __next__(self) -> Frame:
        return next(self._frames)

    def packets(self, count: int | None = None) -> Iterator[Frame]:
        """The frames, or the next `count` of them."""
        return islice(self._frames, count)

    def _pcap_frames(self, walk: PcapWalk, layout: PcapLayout) -> Iterator[Frame]:
        window = self._window
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
            yield quick_frame(data, time, wire, link_type, "", direction, number, "")
            if not plain:
                continue
            buf, base = window.buf, window.base
            limit = len(buf) - 16
            at += captured
            last, (last_seconds, older_seconds) = -1, walk.recent_seconds
            while at <= limit:
                seconds, ticks, captured, wire = unpack(buf, at)
                behind = at + 16 + captured
                if behind > limit + 16 or captured > most or not 0 < wire <= HUGE_BOUND or captured > wire:
                    break
                number += 1
                self.frames_read = number
                time = seconds * 1_000_000_000 + ticks * scale
                yield quick_frame(buf[at + 16 : behind], time, wire, link_type, "", "", number, "")
                older_seconds, last_seconds, last, at = last_seconds, seconds, at, behind
            if last >= 0:
                walk.position, walk.previous = base + at, base + last
                walk.recent_seconds = last_seconds, older_seconds
        self._note_end()

    def _pcapng_frames(self, walk: pcapng.BlockWalk) -> Iterator[Frame]:
        state, window = self._state, self._window
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
            if kind not in pcapng.PACKETS:
                state.take(kind, offset, window.buf[start + 8 : start + length - 4], walk.order)
                continue
            frame = self._block_frame(kind, offset, window.buf, start, length, number + 1)
            if frame is None:
                continue
            number += 1
            self.frames_read = number
            yield frame
            if kind != pcapng.PACKET:
                continue
            # From here on only what the walk and _block_frame would accept without a second look.
            buf, base = window.buf, window.base
            at, limit = walk.position - base, len(buf) - 32
            unpack, trailer = struct.Struct(walk.order + "7I").unpack_from, struct.Struct(walk.order + "I").unpack_from
            interfaces = state.interfaces
            known = len(interfaces)
            while at <= limit:
                kind, length, which, high, low, captured, wire = unpack(buf, at)
                behind = at + length
                if kind != 6 or length & 3 or behind > limit + 32 or which >= known or captured + 32 > length:
                    break
                interface = interfaces[which]
                if not interface.is_simple or length - captured > 35 or trailer(buf, behind - 4)[0] != length:
                    break
                number += 1
                self.frames_read = number
                time = (high << 32 | low) * interface.scale
                if time > LATEST:
                    time = LATEST
                data = buf[at + 28 : at + 28 + captured]
                yield quick_frame(data, time, wire, interface.link_type, interface.label, "", number, "")
                at = behind
            walk.position = base + at
        self._note_end()

    def _block_frame(self, kind: int, offset: int, buf: bytes, start: int, length: int, number: int) -> Frame | None:
        """The frame in a packet block; None, with the damage noted, where there is none."""
        order = self._state.order
        if length < (16 if kind == pcapng.SIMPLE_PACKET else 32):
            self.damage.note(offset, "a packet block is too short", length, 1)
            return None
        if kind == pcapng.SIMPLE_PACKET:
            return self._simple_frame(offset, buf, start, length, number)
        if kind == pcapng.PACKET:
            which, high, low, captured, wire = struct.unpack_from(order + "5I", buf, start + 8)
        else:
            which, _, high, low, captured, wire = struct.unpack_from(order + "2H4I", buf, start + 8)
        interface = self._state.interface_for(which, offset, length)
        if interface is None:
            return None
        if captured > length - 32:
            self.damage.note(offset, f"a packet of {captured} bytes does not fit into its block", length, 1)
            return None
        data = buf[start + 28 : start + 28 + captured]
        direction, comment, unread = packet_options(buf, start + 28 + (captured + 3 & ~3), start + length - 4, order)
        if unread:
            self.damage.note(offset, "a packet's options go beyond its block", unread, 0)
        time = interface.time(high << 32 | low)
        return Frame(data, time, wire, interface.link_type, interface.label, direction, number, comment)

    def _simple_frame(self, offset: int, buf: bytes, start: int, length: int, number: int) -> Frame | None:
        interface = self._state.interface_for(0, offset, length)
        if interface is None:
            return None
        (wire,) = struct.unpack_from(self._state.order + "I", buf, start + 8)
        # It does not say how much was captured: as much as the snap length let through (section 4.4).
        captured = min(wire, interface.snap_length or wire, length - 16)
        data = buf[start + 12 : start + 12 + captured]
        return Frame(data, 0, wire, interface.link_type, interface.label, "", number)


def packet_options(buf: bytes, start: int, stop: int, order: str) -> tuple[Direction, str, int]:
    """Direction and comment among a packet's options in buf[start:stop], and how many bytes could not be read."""
    if stop - start < 4:
        return "", "", 0
    options, unread = opt.parse(buf, start, stop, order)
    flags = opt.number(opt.first(options, opt.PACKET_FLAGS), order)
    return direction_of(flags or 0), "\n".join(opt.comments(options)), unread


def read(source: CapturePath | BinaryIO) -> CaptureReader:
    """The frames of a capture: `for frame in read("x.pcapng"): ...`. See CaptureReader."""
    return CaptureReader(source)
