"""The frames of a capture for which a display filter holds.

A file is asked chunk by chunk with columns, and only frames that are wanted are made; a stream that is still
being written (standard input, a pipe) is asked frame by frame, so that each is seen as soon as it is there.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from packetlab.analysis.filter.compiled import Filter, parse
from packetlab.capture import CaptureReader
from packetlab.capture.damage import DamageList
from packetlab.capture.source import CapturePath
from packetlab.model.frame import Frame
from packetlab.model.packet import decapsulate

if TYPE_CHECKING:
    from packetlab.capture.index import CaptureIndex, Chunk

Advance = Callable[[float], None]


class Selected:
    """Iterates over the frames of a capture for which a filter (or its text) holds; all, without one.

    A context manager. `damage` is complete when the iteration has come to its end; `frames_read` counts the
    frames that were looked at. CaptureError where the source is no capture, FilterError where the filter is none.
    """

    def __init__(
        self, source: CapturePath | BinaryIO, where: Filter | str | None = None, advance: Advance | None = None
    ) -> None:
        self.where = parse(where) if isinstance(where, str) else where
        self.advance = advance
        self.first_time: int | None = None
        """Of the first frame of the capture, chosen or not: nanoseconds since 1970."""
        self.frames_read = 0
        self.is_growing = not is_file(source)
        """Whether it may still be being written."""
        self.capture: CaptureReader | CaptureIndex
        if self.where is not None and not self.is_growing:
            from packetlab.capture.index import chunks

            self.capture = index = chunks(source)
            self._frames = self._by_chunk(index, self.where)
        else:
            self.capture = reader = CaptureReader(source)
            self._frames = self._by_frame(reader)

    @property
    def damage(self) -> DamageList:
        """Damaged places so far."""
        return self.capture.damage

    def _by_chunk(self, index: "CaptureIndex", where: Filter) -> Iterator[Frame]:
        for chunk in index:
            if self.first_time is None and len(chunk):
                self.first_time = int(chunk.packets.time[0])
            for row in where.select(chunk, self.first_time or 0).nonzero()[0].tolist():
                self.frames_read = chunk.first + row
                yield chunk.frame(row)
            self.frames_read = index.packets_read
            if self.advance is not None:
                self.advance(self.capture.part_read or 0.0)

    def _by_frame(self, reader: CaptureReader) -> Iterator[Frame]:
        holds = live(self.where)
        for frame in reader:
            if self.first_time is None:
                self.first_time = frame.time
            self.frames_read = frame.number
            if self.advance is not None and frame.number % 1024 == 0:
                self.advance(reader.part_read or 0.0)
            if holds(frame):
                yield frame

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.capture.close()


def is_file(source: CapturePath | BinaryIO) -> bool:
    """Whether it is the path of a regular file, which can be read as often as one likes."""
    return isinstance(source, str | os.PathLike) and str(source) != "-" and Path(source).is_file()


def live(where: Filter | None) -> Callable[[Frame], bool]:
    """Tells of one frame after the other, given in the order of the capture, whether a filter holds."""
    if where is None:
        return lambda frame: True
    first: list[int] = []
    memory: dict[str, Any] = {}
    keeps = where.is_state

    def holds(frame: Frame) -> bool:
        first[:] = first or [frame.time]
        if keeps:
            return bool(where.select(_chunk_of(frame, memory), first[0])[0])
        return where.matches(decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length), frame, first[0])

    return holds


def _chunk_of(frame: Frame, memory: dict[str, Any]) -> "Chunk":
    """A chunk of one frame."""
    import numpy as np

    from packetlab.capture.index import Chunk, Packets
    from packetlab.capture.sections import Interface

    values = {
        "record": 0, "offset": 0, "captured": len(frame.data), "wire": frame.wire_length, "time": frame.time,
        "link_type": frame.link_type, "interface": 0,
        "direction": {"in": 1, "out": 2}.get(frame.direction, 0),
    }  # fmt: skip
    kinds = {"captured": np.uint32, "wire": np.uint32, "link_type": np.uint16, "interface": np.int32,
             "direction": np.uint8}  # fmt: skip
    packets = Packets(**{name: np.asarray([value], kinds.get(name, np.int64)) for name, value in values.items()})
    interface = Interface(number=0, link_type=frame.link_type, name=frame.interface)
    return Chunk(np.frombuffer(frame.data, np.uint8), 0, frame.number, packets, [interface], shared=memory)


def holding(source: CapturePath | BinaryIO, where: Filter | str) -> Callable[[Frame], bool]:
    """Tells of the frames of a capture, read again from its beginning, whether a filter holds.

    A file is read here, once, with columns; one bit per packet is kept.
    """
    where = parse(where) if isinstance(where, str) else where
    if not is_file(source):
        return live(where)
    import numpy as np

    from packetlab.capture.index import chunks

    starts, bits = [], []
    first_time: int | None = None
    with chunks(source) as index:
        for chunk in index:
            if first_time is None and len(chunk):
                first_time = int(chunk.packets.time[0])
            starts.append(chunk.first)
            bits.append(np.packbits(where.select(chunk, first_time or 0), bitorder="little").tobytes())
    at = 0

    def holds(frame: Frame) -> bool:
        nonlocal at
        number = frame.number
        while at + 1 < len(starts) and starts[at + 1] <= number:
            at += 1
        if not starts or number < starts[at]:
            return False
        byte, bit = divmod(number - starts[at], 8)
        return byte < len(bits[at]) and bool(bits[at][byte] >> bit & 1)

    return holds
