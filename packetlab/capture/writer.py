"""CaptureWriter: pcapng (or pcap) files that are sound at every moment.

Bytes leave this process in whole blocks only: records are collected and handed to the operating system with
one write, so that a crash, a full disk or a reader who looks in early finds a file that ends behind a block.
Where a write fails half-way the file is cut back to the last whole block.

Interfaces are described when the first frame of each is written, in nanoseconds; at the end each gets its
statistics.
"""

import os
import platform
import struct
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

from packetlab.capture import options as opt
from packetlab.capture import pcapng
from packetlab.capture.pcap import STANDARD_BOUND
from packetlab.capture.sections import Interface, Name, Secrets
from packetlab.capture.source import CapturePath, optional_module
from packetlab.model.errors import CaptureError, UsageError
from packetlab.model.frame import Frame

Format = Literal["pcapng", "pcap-ns", "pcap-us"]

_BATCH = 1 << 16
_EARLIER = -9_223_372_037
"""Seconds: the time offset of an interface for frames from before 1970, whose times count from there."""
_PACKERS = {".gz": "gzip", ".zst": "zstd", ".lz4": "lz4"}
_FLAGS = {"in": 1, "out": 2}


def format_of(name: str) -> Format:
    """The format that a file name asks for: pcap (with nanoseconds) for .pcap, .cap and .dmp, else pcapng."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] in _PACKERS:
        suffixes.pop()
    return "pcap-ns" if suffixes and suffixes[-1] in (".pcap", ".cap", ".dmp") else "pcapng"


class CaptureWriter:
    """Writes frames to `target`: a path, "-" for standard output, or a binary file object. A context manager.

    format      "pcapng", "pcap-ns" or "pcap-us"; by default what the name's suffix says (see `format_of`).
                A further suffix .gz, .zst or .lz4 compresses.
    comments    of the section: what this file is and how it came to be
    flush       hand over each frame at once, for recordings that are read while they grow
    link_type   of a pcap file without frames; otherwise that of the first frame

    pcap has one link type and neither interfaces, comments nor directions: what could not be kept is counted
    in `not_kept`. CaptureError where the file cannot be written.
    """

    def __init__(
        self,
        target: CapturePath | BinaryIO,
        *,
        format: Format | None = None,  # noqa: A002 - the word everybody looks for
        comments: Sequence[str] = (),
        application: str = "",
        operating_system: str = "",
        hardware: str = "",
        flush: bool = False,
        link_type: int | None = None,
    ) -> None:
        is_path = isinstance(target, str | os.PathLike)
        self.name = str(target) if is_path else str(getattr(target, "name", "file"))
        self.format: Format = format or format_of(self.name)
        if self.format not in ("pcapng", "pcap-ns", "pcap-us"):
            raise UsageError(f"no format {self.format!r}", remedy="use pcapng, pcap-ns or pcap-us")
        self.flush_each = flush
        self.frames_written = 0
        self.not_kept: Counter[str] = Counter()
        """What pcap could not hold: how many "comment", "direction", "interface", "time"."""
        self._link_type = link_type
        self._interfaces: dict[tuple[str, int], list[int]] = {}  # number, frames, earliest, latest
        self._count = 0
        self._counts: dict[int, dict[str, int]] = {}
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._sound_end = 0
        self._closed = False
        self._handle, self._ours, self._packer = _open(target, self.name)
        if self.format == "pcapng":
            self._put(_section(comments, application, operating_system, hardware))
            self.flush()
        elif link_type is not None:
            self._start_pcap(link_type)

    # ------------------------------------------------------------ writing

    def write(self, frame: Frame) -> None:
        """Writes one frame, describing its interface first where that is new."""
        if self.format != "pcapng":
            self._write_pcap(frame)
        else:
            data, time = frame.data, frame.time
            shift = 0 if time >= 0 else _EARLIER
            name = frame.interface if not shift else frame.interface + "\0"
            known = self._interfaces.get((name, frame.link_type))
            if known is None:
                made = Interface(0, frame.link_type, name=frame.interface, ticks=10**9, time_offset=shift)
                self.add_interface(made, _key=name)
                known = self._interfaces[name, frame.link_type]
            known[1] += 1
            if known[2] < 0 or time < known[2]:
                known[2] = time
            if time > known[3]:
                known[3] = time
            if shift:
                time -= shift * 1_000_000_000
            size = len(data)
            options = b""
            if frame.direction or frame.comment:
                flags = struct.pack("<I", _FLAGS[frame.direction]) if frame.direction else b""
                options = opt.build([(opt.COMMENT, frame.comment), (opt.PACKET_FLAGS, flags)])
            padding = -size & 3
            total = 32 + size + padding + len(options)
            high, low = time >> 32 & 0xFFFFFFFF, time & 0xFFFFFFFF
            head = struct.pack("<IIIIIII", 6, total, known[0], high, low, size, frame.wire_length)
            self._put(head + data + bytes(padding) + options + struct.pack("<I", total))
        self.frames_written += 1
        if self.flush_each:
            self.flush()

    def write_all(self, frames: Iterable[Frame]) -> int:
        """Writes frames and returns how many."""
        before = self.frames_written
        for frame in frames:
            self.write(frame)
        return self.frames_written - before

    def add_interface(self, interface: Interface, *, _key: str | None = None) -> int:
        """Describes an interface ahead of its frames, which find it by label and link type.

        Returns its number. Times are written in nanoseconds whatever the resolution that it was read with.
        """
        if self.format != "pcapng":
            return 0
        key = (interface.label if _key is None else _key, interface.link_type)
        if key in self._interfaces:
            return self._interfaces[key][0]
        if not 0 <= interface.link_type <= 0xFFFF:
            raise UsageError(f"a link type of {interface.link_type} is not possible", remedy="0 to 65535 are")
        number, self._count = self._count, self._count + 1
        self._interfaces[key] = [number, 0, -1, -1]
        offset = interface.time_offset if _key is not None else 0
        checked = bytes([interface.frame_check_length & 0xFF]) if interface.frame_check_length else b""
        speed = struct.pack("<Q", interface.speed) if interface.speed else b""
        options = opt.build(
            [
                (opt.COMMENT, interface.comment),
                (opt.IF_NAME, interface.name),
                (opt.IF_DESCRIPTION, interface.description),
                (opt.IF_MAC, interface.mac if len(interface.mac) == 6 else b""),
                (opt.IF_SPEED, speed),
                (opt.IF_TIME_RESOLUTION, b"\x09"),
                (opt.IF_FILTER, b"\0" + interface.filter.encode() if interface.filter else b""),
                (opt.IF_OPERATING_SYSTEM, interface.operating_system),
                (opt.IF_FCS_LENGTH, checked),
                (opt.IF_TIME_OFFSET, struct.pack("<q", offset) if offset else b""),
                (opt.IF_HARDWARE, interface.hardware),
            ]
        )
        body = struct.pack("<HHI", interface.link_type, 0, interface.snap_length) + options
        self._put(_block(pcapng.INTERFACE, body))
        return number

    def add_names(self, names: Iterable[Name]) -> None:
        """Writes addresses with their names (pcapng only)."""
        body = b""
        for entry in names:
            kind = {4: 1, 16: 2}.get(len(entry.address))
            value = entry.address + b"".join(name.encode() + b"\0" for name in entry.names)
            if kind and entry.names and len(value) <= 0xFFFF:
                body += struct.pack("<HH", kind, len(value)) + value + bytes(-len(value) & 3)
        if body and self.format == "pcapng":
            self._put(_block(pcapng.NAMES, body + bytes(4)))

    def add_secrets(self, secrets: Secrets) -> None:
        """Writes keys with which the frames behind can be decrypted (pcapng only)."""
        if self.format == "pcapng":
            size = len(secrets.data)
            body = struct.pack("<II", secrets.kind, size) + secrets.data + bytes(-size & 3)
            self._put(_block(pcapng.SECRETS, body))

    def set_statistics(self, interface: str, link_type: int, **counts: int) -> None:
        """What is known of an interface at the end, by the names of `sections.Statistics`.

        They are received, delivered, dropped_by_interface, accepted_by_filter and dropped_by_system.
        """
        unknown = set(counts) - set(opt.STATISTICS_COUNTS.values())
        if unknown:
            raise UsageError(f"no such statistics: {', '.join(sorted(unknown))}")
        number = self.add_interface(Interface(0, link_type, name=interface), _key=interface)
        self._counts.setdefault(number, {}).update(counts)

    # ------------------------------------------------------------ the end

    def flush(self) -> None:
        """Hands everything written so far to the operating system."""
        if not self._pending:
            return
        data = b"".join(self._pending)
        self._pending, self._pending_size = [], 0
        try:
            _write_whole(self._packer or self._handle, data)
            if self._packer is not None:
                self._packer.flush()
            if hasattr(self._handle, "flush"):
                self._handle.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self._cut_back()
            raise CaptureError(
                f"{self.name} cannot be written any further: {error.strerror or error}",
                remedy="free some space; what was written before is a sound file",
            ) from None
        self._sound_end += len(data)

    def close(self) -> None:
        """Writes the statistics and closes the file (if this writer opened it)."""
        if self._closed:
            return
        self._closed = True
        try:
            if self.format != "pcapng" and self._link_type is None:
                self._start_pcap(1)
            for known in list(self._interfaces.values()):
                self._put(self._statistics(*known))
            self.flush()
        finally:
            if self._packer is not None:
                self._packer.close()
            if self._ours:
                self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------ parts

    def _put(self, block: bytes) -> None:
        self._pending.append(block)
        self._pending_size += len(block)
        if self._pending_size >= _BATCH:
            self.flush()

    def _statistics(self, number: int, frames: int, earliest: int, latest: int) -> bytes:
        counts = {"received": frames} | self._counts.get(number, {})
        codes = {name: code for code, name in opt.STATISTICS_COUNTS.items()}
        options: list[tuple[int, bytes | str]] = []
        if earliest >= 0:
            options = [(opt.STATISTICS_START, _split(earliest)), (opt.STATISTICS_END, _split(latest))]
        for name, code in codes.items():
            if name in counts:
                options.append((code, struct.pack("<Q", counts[name])))
        start = struct.pack("<I", number) + _split(max(latest, 0))
        return _block(pcapng.STATISTICS, start + opt.build(options))

    def _start_pcap(self, link_type: int) -> None:
        self._link_type = link_type
        magic = 0xA1B23C4D if self.format == "pcap-ns" else 0xA1B2C3D4
        self._put(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, STANDARD_BOUND, link_type))

    def _write_pcap(self, frame: Frame) -> None:
        if self.frames_written == 0 and self._link_type is None:
            self._start_pcap(frame.link_type)
        if frame.link_type != self._link_type:
            raise CaptureError(
                f"pcap holds packets of one link type only; this file is of {self._link_type}, "
                f"the packet of {frame.link_type}",
                remedy="write pcapng, which holds any mixture",
            )
        size = len(frame.data)
        if size > STANDARD_BOUND:
            raise CaptureError(
                f"a packet of {size} bytes does not fit into pcap, whose readers take {STANDARD_BOUND}",
                remedy="write pcapng",
            )
        for what in ("comment", "direction", "interface"):
            if getattr(frame, what):
                self.not_kept[what] += 1
        seconds, rest = divmod(frame.time, 1_000_000_000)
        if self.format == "pcap-us":
            rest, lost = divmod(rest, 1000)
            if lost:
                self.not_kept["nanoseconds"] += 1
        if not 0 <= seconds <= 0xFFFFFFFF:
            self.not_kept["time"] += 1
            seconds = min(max(seconds, 0), 0xFFFFFFFF)
        self._put(struct.pack("<IIII", seconds, rest, size, frame.wire_length & 0xFFFFFFFF) + frame.data)

    def _cut_back(self) -> None:
        """Removes a block of which only a part was written."""
        if self._packer is None and self._ours:
            try:
                os.ftruncate(self._handle.fileno(), self._sound_end)
            except OSError:
                pass  # a pipe or a device: nothing can be taken back


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) & 3)
    total = len(body) + 12
    return struct.pack("<II", kind, total) + body + struct.pack("<I", total)


def _split(time: int) -> bytes:
    return struct.pack("<II", time >> 32 & 0xFFFFFFFF, time & 0xFFFFFFFF)


def _section(comments: Sequence[str], application: str, operating_system: str, hardware: str) -> bytes:
    options = opt.build(
        [
            *((opt.COMMENT, each) for each in comments),
            (opt.HARDWARE, hardware or platform.machine()),
            (opt.OPERATING_SYSTEM, operating_system or f"{platform.system()} {platform.release()}"),
            (opt.APPLICATION, application or _application()),
        ]
    )
    return _block(pcapng.SECTION, struct.pack("<IHHq", pcapng.BYTE_ORDER_MAGIC, 1, 0, -1) + options)


def _application() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"packetlab {version('packetlab')}"
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "packetlab"


def _write_whole(handle: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        written = handle.write(view)
        view = view[len(view) if written is None else written :]


def _open(target: CapturePath | BinaryIO, name: str) -> tuple[Any, bool, Any]:
    """The file, whether it is ours to close, and the packer in front of it (or None)."""
    if not isinstance(target, str | os.PathLike):
        return target, False, None
    if str(target) == "-":
        if sys.stdout.isatty():
            raise UsageError("a capture is no text for a terminal", remedy="name a file, or pipe the output")
        return sys.stdout.buffer, False, None
    path = Path(target)
    packing = _PACKERS.get(path.suffix.lower(), "")
    packer_of: Any = None
    if packing == "zstd":
        packer_of = optional_module("zstandard", "zstandard", name).ZstdCompressor().stream_writer
    elif packing == "lz4":
        packer_of = optional_module("lz4.frame", "lz4", name).LZ4FrameFile
    try:
        handle = path.open("wb", buffering=0)
    except OSError as error:
        cause = f"{path} cannot be written: {error.strerror or error}"
        raise CaptureError(cause, remedy="check the directory and its permissions") from None
    if packing == "gzip":
        import gzip

        return handle, True, gzip.GzipFile(filename="", fileobj=handle, mode="wb", mtime=0)
    if packing == "zstd":
        return handle, True, packer_of(handle, closefd=False)
    if packing == "lz4":
        return handle, True, packer_of(handle, mode="wb")
    return handle, True, None
