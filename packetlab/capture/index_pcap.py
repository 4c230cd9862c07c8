"""The index of pcap files: stretches of records as columns (see index.py)."""

import math
import struct

import numpy as np

from packetlab.capture.index import Column, Packets
from packetlab.capture.lanes import Pace, Positions, follow, gather
from packetlab.capture.pcap import HUGE_BOUND, PcapWalk

_LEAST_SLICE, _LARGEST_SLICE = 1 << 13, 1 << 18
_LOOK = 1 << 13  # bytes of a slice in which its first record is looked for


class PcapIndexer:
    """Takes turns with a PcapWalk: `stretch` follows what is plainly sound, `step` settles the rest."""

    def __init__(self, walk: PcapWalk) -> None:
        self.walk = walk
        self.order = walk.layout.order
        self.limit: int | None = None
        self.interfaces_changed = False
        self._pace = Pace()
        self._mean = 512  # bytes per record so far

    def skip_to(self, offset: int) -> None:
        """Goes on at `offset` instead."""
        self.walk.window.skip_to(offset)
        self.walk.position = offset

    def step(self) -> tuple[bool, Packets | None]:
        """(False, None) at the end of the file; else True and the one record that the walk accepted."""
        record = self.walk.step()
        if record is None:
            return False, None
        offset, seconds, ticks, captured, wire = record
        fields = [np.array([value], np.uint32) for value in (seconds, ticks, captured, wire)]
        return True, self._packets(np.array([offset], np.int64), fields)

    def stretch(self) -> Packets:
        """The plainly sound records from here on, as far as the window goes; the walk moves behind them."""
        walk, size = self.walk, self.walk.layout.header_size
        window = walk.window
        data = np.frombuffer(window.buf, np.uint8)
        start = walk.position - window.base
        reach = min(start + self._pace.reach(), len(data) - size + 1)
        if self.limit is not None:
            reach = min(reach, self.limit - window.base)
        if reach <= start:
            return self._packets(np.empty(0, np.int64), [np.empty(0, np.uint32)] * 4)
        positions = self._follow(data, start, reach)
        words = gather(data, 16)[positions].view(self.order + "u4").reshape(-1, 4)
        seconds, ticks = words[:, 0], words[:, 1]
        captured, wire = self._lengths(words[:, 2], words[:, 3])
        bad = (captured > walk.layout.most_captured) | (wire > HUGE_BOUND) | (positions + captured > len(data) - size)
        empty = wire == 0
        if empty.any():
            bad |= empty & (captured == 0) & (seconds == 0) & (ticks == 0)
        count = int(bad.argmax()) if bad.any() else len(positions)
        clean = count == len(positions)
        if count and captured[count - 1] > wire[count - 1]:
            count -= 1  # suspicious: the walk looks whether the next header is possible
        self._pace.ran(count, clean)
        if count:
            last = int(positions[count - 1])
            if walk.first_seconds < 0:
                walk.first_seconds = int(seconds[0])
            if count > 1:
                walk.recent_seconds = int(seconds[count - 2]), -1
            walk.accept(window.base + last, int(seconds[count - 1]), int(captured[count - 1]))
            self._mean = max(16, (last - start) // count)
        fields = [seconds[:count], ticks[:count], captured[:count], wire[:count]]
        return self._packets(positions[:count] + window.base, fields)

    def _lengths(self, captured: Column, wire: Column) -> tuple[Column, Column]:
        lengths = self.walk.layout.lengths
        if lengths == "swapped":
            return wire, captured
        if lengths == "sorted":
            return np.minimum(captured, wire), np.maximum(captured, wire)
        return captured, wire

    def _follow(self, data: Column, start: int, reach: int) -> Positions:
        size, lengths = self.walk.layout.header_size, self.walk.layout.lengths
        first, second = gather(data, 4, 8), gather(data, 4, 12)
        kind = self.order + "u4"
        unpack, memory = struct.Struct(self.order + "II").unpack_from, data.data

        def advance(positions: Positions) -> Positions:
            captured = (second if lengths == "swapped" else first)[positions].view(kind)
            if lengths == "sorted":
                captured = np.minimum(captured, second[positions].view(kind))
            behind: Positions = positions + captured
            behind += size
            return behind

        def advance_one(position: int) -> int:
            captured, wire = unpack(memory, position + 8)
            if lengths == "swapped" or (lengths == "sorted" and captured > wire):
                captured = wire
            return int(position + size + captured)

        return follow(self._starts(data, start, reach), reach, advance, advance_one)

    def _starts(self, data: Column, start: int, reach: int) -> Positions:
        """`start`, and in each slice behind it the first place that looks like a record near in time."""
        # A lane costs about as much to find as a step of all lanes takes: as many lanes as records in each.
        length = min(max(math.isqrt((reach - start) * self._mean), _LEAST_SLICE), _LARGEST_SLICE)
        found = [start]
        seconds = self.walk.recent_seconds[0]
        if seconds > 0:
            # The upper half of the seconds stays the same for 18 hours.
            mark = struct.pack(self.order + "H", seconds >> 16)
            back = 2 if self.order == "<" else 0
            for slice_start in range(start + length, reach, length):
                text = data[slice_start : slice_start + _LOOK].tobytes()
                at = text.find(mark, back)
                while at >= 0:
                    guess = slice_start + at - back
                    if self._plausible(data, guess, reach, seconds >> 16):
                        found.append(guess)
                        break
                    at = text.find(mark, at + 1)
        return np.array(found, np.int64)

    def _plausible(self, data: Column, position: int, reach: int, upper: int) -> bool:
        """Whether a record begins at `position` and another one behind it."""
        size = self.walk.layout.header_size
        for _ in range(2):
            if position >= reach:
                return False
            seconds, ticks, captured, wire = struct.unpack_from(self.order + "IIII", data.data, position)
            if seconds >> 16 != upper or ticks >= self.walk.layout.ticks:
                return False
            captured, wire = min(captured, wire), max(captured, wire)
            if captured > self.walk.layout.most_captured:
                return False
            position += size + captured
        return True

    def _packets(self, record: Column, fields: list[Column]) -> Packets:
        layout, rows = self.walk.layout, len(record)
        seconds, ticks, captured, wire = fields
        time = seconds.astype(np.int64) * 1_000_000_000
        time += ticks.astype(np.int64) * layout.nanoseconds_per_tick
        direction = np.zeros(rows, np.uint8)
        if layout.header_size == 24 and rows:
            window = self.walk.window
            kinds = np.frombuffer(window.buf, np.uint8)[record - window.base + 22]
            direction = np.where(kinds == 4, 2, 1).astype(np.uint8)
        return Packets(
            record,
            record + layout.header_size,
            captured.astype(np.uint32),
            wire.astype(np.uint32),
            time,
            np.full(rows, layout.link_type, np.uint16),
            np.zeros(rows, np.int32),
            direction,
        )
