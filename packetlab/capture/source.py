"""Where a capture's bytes come from: a file, standard input or any binary file object, unpacked on the way.

A `Source` hands out bytes as soon as they are there (it never waits for a full block), so that a capture can
be read from a pipe while it is being written. Compression is recognised by its first bytes and unpacked in
bounded steps, so that a small file which unpacks to terabytes costs time but no memory.

A `Window` is the stretch of the stream that a reader looks at: immutable bytes and the offset of the first.
It grows only as far as a reader asks, and a reader asks for no more than one record (a stated bound) or one
stretch of its search for the next sound record.
"""

import mmap
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from packetlab.capture.damage import DamageList
from packetlab.model.errors import CaptureError

CHUNK = 1 << 18
"""Bytes asked of the operating system at a time, and the most that one step of unpacking yields."""

_GZIP, _ZSTD, _LZ4, _XZ, _BZIP2 = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\xfd7zXZ\0", b"BZh"

_ZSTD_FEED = 512
"""Packed bytes per step: four of them can stand for 128 KiB, so a step yields 16 MiB at the worst."""

CapturePath = str | os.PathLike[str]


def open_binary(source: CapturePath | BinaryIO) -> tuple[BinaryIO, str, bool]:
    """The binary file, its name for messages, and whether closing it is our business.

    "-" is standard input. CaptureError, with a remedy, where it cannot be read.
    """
    if not isinstance(source, str | os.PathLike):
        return source, str(getattr(source, "name", "the given file")), False
    if str(source) == "-":
        return sys.stdin.buffer, "standard input", False
    path = Path(source)
    try:
        if path.is_dir():
            raise CaptureError(f"{path} is a directory, not a capture file", remedy="name a file inside it")
        handle = path.open("rb", buffering=0)
    except FileNotFoundError:
        raise CaptureError(f"there is no file {path}", remedy="check the name and the directory") from None
    except PermissionError:
        remedy = f"ask its owner, or try: sudo chmod a+r {path}"
        raise CaptureError(f"{path} may not be read by this user", remedy=remedy) from None
    except (OSError, ValueError) as error:
        raise CaptureError(f"{path!s} cannot be opened: {error}", remedy="check the name") from None
    return handle, str(path), True


def _reader(handle: BinaryIO) -> Callable[[int], bytes]:
    """read(n): up to n bytes, without waiting for all of them; b"" only at the end."""
    available: Callable[[int], bytes] = getattr(handle, "read1", None) or handle.read

    def read(size: int) -> bytes:
        piece = available(size)
        if piece is None:
            raise BlockingIOError("the file is in non-blocking mode and has nothing to read")
        return piece

    return read


class Source:
    """A stream of unpacked bytes. `trouble` is set where it ended before its end."""

    def __init__(self, source: CapturePath | BinaryIO) -> None:
        self._handle, self.name, self._ours = open_binary(source)
        self._raw = _reader(self._handle)
        self.trouble = ""
        """Why nothing more can be read, where that is not simply the end."""
        self.compression = ""
        self._ahead, self._ahead_at = b"", 0
        try:
            while len(self._ahead) < 6:
                piece = self._raw(CHUNK)
                if not piece:
                    break
                self._ahead += piece
            self.is_empty = not self._ahead
            self._unpack = self._choose(self._ahead)
        except OSError as error:
            self.close()
            raise CaptureError(f"{self.name} cannot be read: {error.strerror or error}") from None
        except CaptureError:
            self.close()
            raise

    @property
    def regular_size(self) -> int | None:
        """The size of a plain, uncompressed file; None for anything else."""
        try:
            status = os.fstat(self._handle.fileno())
        except (OSError, AttributeError, ValueError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) and not self.compression else None

    def part_read(self, unpacked: int) -> float | None:
        """How much of a file has been read, from 0 to 1, given how much of a plain one; None where nobody can say."""
        size = self.regular_size
        if size:
            return min(1.0, unpacked / size)
        try:
            status = os.fstat(self._handle.fileno())
            return min(1.0, self._handle.tell() / status.st_size) if stat.S_ISREG(status.st_mode) else None
        except (OSError, AttributeError, ValueError, ZeroDivisionError):
            return None

    @property
    def plain_file(self) -> BinaryIO | None:
        """The file if it is an uncompressed one of ours that can be mapped into memory."""
        return self._handle if self._ours and self.regular_size else None

    def close(self) -> None:
        """Closes the file where we opened it."""
        if self._ours:
            self._handle.close()

    def read(self, size: int = CHUNK) -> bytes:
        """Up to `size` bytes as soon as there are any; b"" at the end (see `trouble`)."""
        if self.trouble:
            return b""
        try:
            return self._unpack(size)
        except OSError as error:
            self.trouble = f"cannot be read any further: {error.strerror or error}"
        except EOFError:
            self.trouble = f"the {self.compression} data ends too early"
        except Exception as error:  # every packer has errors of its own
            if not self.compression:
                raise
            self.trouble = f"the {self.compression} data is damaged ({error}): what follows cannot be read"
        return b""

    def _packed(self, size: int) -> bytes:
        if self._ahead_at >= len(self._ahead):
            self._ahead, self._ahead_at = self._raw(CHUNK), 0
        piece = self._ahead[self._ahead_at : self._ahead_at + size]
        self._ahead_at += len(piece)
        return piece

    def _choose(self, start: bytes) -> Callable[[int], bytes]:
        if start.startswith(_GZIP):
            import zlib

            self.compression = "gzip"
            return self._stepwise(lambda: _Zlib(zlib.decompressobj(wbits=31)), b"\0", feed=1 << 16)
        if start.startswith(_XZ):
            import lzma

            self.compression = "xz"
            return self._stepwise(lambda: lzma.LZMADecompressor(memlimit=1 << 28), b"\0")
        if start.startswith(_BZIP2) and start[4:6] == b"1A":
            import bz2

            self.compression = "bzip2"
            return self._stepwise(bz2.BZ2Decompressor, b"")
        if start.startswith(_LZ4):
            self.compression = "lz4"
            return self._stepwise(optional_module("lz4.frame", "lz4", self.name).LZ4FrameDecompressor, b"")
        if start.startswith(_ZSTD):
            self.compression = "zstd"
            module = optional_module("zstandard", "zstandard", self.name)
            unpacker = module.ZstdDecompressor(max_window_size=1 << 27)
            return self._stepwise(lambda: _Zstd(unpacker.decompressobj()), b"", feed=_ZSTD_FEED)
        return self._packed

    def _stepwise(self, make: Callable[[], Any], padding: bytes, feed: int = 1 << 12) -> Callable[[int], bytes]:
        """Unpacks with objects that have decompress(data, max_length), eof, needs_input and unused_data."""
        unpacker = make()
        waiting = b""
        fed = False

        def unpack(size: int) -> bytes:
            nonlocal unpacker, waiting, fed
            while True:
                if unpacker.eof:  # several packed files may follow each other, with padding behind
                    rest = unpacker.unused_data or b""
                    rest = rest.lstrip(padding) if padding else rest
                    self._ahead, self._ahead_at = rest + self._ahead[self._ahead_at :], 0
                    rest = self._packed(feed)
                    if not rest:
                        return b""
                    unpacker, waiting, fed = make(), rest, True
                elif unpacker.needs_input and not waiting:
                    waiting = self._packed(feed)
                    if not waiting:
                        rest = unpacker.decompress(b"", size) if fed else b""
                        if fed and not rest:
                            raise EOFError
                        return rest
                    fed = True
                piece: bytes = unpacker.decompress(waiting, size)
                waiting = b""
                if piece:
                    return piece

        return unpack


class _Zlib:
    """zlib's object with the manners of the others.

    Where it fails it has thrown away what it unpacked in that step, so the step is repeated in small ones.
    """

    def __init__(self, unpacker: Any) -> None:
        self._unpacker = unpacker
        self._doubtful = b""

    eof = property(lambda self: self._unpacker.eof)
    unused_data = property(lambda self: self._unpacker.unused_data)
    needs_input = property(lambda self: not (self._unpacker.unconsumed_tail or self._doubtful))

    def decompress(self, data: bytes, size: int) -> bytes:
        import zlib

        if not self._doubtful:
            before = self._unpacker.copy()
            data = self._unpacker.unconsumed_tail + data
            try:
                return bytes(self._unpacker.decompress(data, size))
            except zlib.error:
                self._unpacker, self._doubtful = before, data
        while self._doubtful:
            one, self._doubtful = self._doubtful[:1], self._doubtful[1:]
            piece = self._unpacker.decompress(one)
            if piece:
                return bytes(piece)
        return b""


class _Zstd:
    """zstandard's object with the manners of the others. What it yields is bounded by what it is fed."""

    needs_input = True

    def __init__(self, unpacker: Any) -> None:
        self._unpacker = unpacker

    eof = property(lambda self: self._unpacker.eof)
    unused_data = property(lambda self: self._unpacker.unused_data)

    def decompress(self, data: bytes, size: int) -> bytes:
        return bytes(self._unpacker.decompress(data)) if data else b""


def optional_module(module: str, package: str, name: str) -> Any:
    """A package that is only needed for some files; CaptureError with its name where it is not installed."""
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        raise CaptureError(
            f"{name} is compressed in a way that needs the package {package}",
            remedy=f"pip install {package}   (or: pip install 'packetlab[compression]')",
        ) from None


class Window:
    """The bytes [base, end) of a stream. `buf` is replaced, never changed."""

    def __init__(self, read: Callable[[int], bytes], *, step: int = CHUNK) -> None:
        self._read = read
        self.step = step
        self.buf = b""
        self.base = 0
        self.at_end = False
        """True once the stream has ended: nothing follows `buf`."""

    @property
    def end(self) -> int:
        """The offset behind the last byte that is here."""
        return self.base + len(self.buf)

    def need(self, keep: int, until: int) -> bool:
        """Reads until the byte before offset `until` is here, forgetting what lies before `keep`.

        False where the stream ends before. Reads nothing where the bytes are already here. `keep` must lie
        in [base, end].
        """
        if until <= self.end:
            return True
        if self.at_end:
            return False
        pieces = [self.buf[keep - self.base :]]
        have = self.end
        while have < until:
            piece = self._read(max(self.step, min(until - have, 1 << 24)))
            if not piece:
                self.at_end = True
                break
            pieces.append(piece)
            have += len(piece)
        self.buf, self.base = b"".join(pieces), keep
        return have >= until

    def skip_to(self, offset: int) -> None:
        """Goes on at `offset`, which must not lie behind the end of a file."""
        while self.end < offset and self.need(self.end, min(offset, self.end + self.step)):
            pass
        self.buf, self.base = self.buf[max(0, offset - self.base) :], offset

    def peek(self, offset: int, size: int) -> bytes:
        """The bytes at `offset` as far as they are here."""
        start = offset - self.base
        return bytes(self.buf[start : start + size]) if start >= 0 else b""


class MappedWindow(Window):
    """A window on a file mapped into memory, one stretch at a time, so that memory stays flat.

    The size is asked for again before each stretch: a file that grows is read to its new end, and one that was
    cut off in the meantime ends there.
    """

    def __init__(self, file: BinaryIO, *, step: int) -> None:
        super().__init__(lambda size: b"", step=step)
        self._file = file

    def need(self, keep: int, until: int) -> bool:
        """As in `Window`; maps at least `step` bytes at once."""
        if until <= self.end:
            return True
        size = os.fstat(self._file.fileno()).st_size
        stop = min(size, max(until, keep + self.step))
        if stop <= self.end:
            self.at_end = True
            return False
        first = keep - keep % mmap.ALLOCATIONGRANULARITY
        mapped = mmap.mmap(self._file.fileno(), stop - first, offset=first, access=mmap.ACCESS_READ)
        self.buf, self.base = memoryview(mapped)[keep - first :], keep  # type: ignore[assignment]
        self.at_end = stop == size
        return until <= stop

    def skip_to(self, offset: int) -> None:
        """Goes on at `offset`: nothing is read for it."""
        self.buf, self.base, self.at_end = b"", offset, False


def note_trouble(source: Source, window: Window, damage: DamageList) -> None:
    """Adds the reason why the stream stopped early, if it did."""
    if source.trouble:
        damage.note(window.end, source.trouble, 0, None)
