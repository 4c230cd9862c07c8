"""The left side of a comparison as columns: for a whole chunk, which rows have a value and which.

A row may stand there several times, with a value each. What is not said here (fields of variable length, some
functions) gives None and is asked packet by packet.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from packetlab.analysis.columns import FieldOf, Places, Scan
from packetlab.analysis.filter.compiled import Subject
from packetlab.analysis.filter.elements import holders
from packetlab.analysis.filter.operands import Source
from packetlab.analysis.filter.state import state_columns
from packetlab.analysis.plan import Column, plan_of
from packetlab.capture.index import Chunk, take_bytes
from packetlab.model.header import Header

_MOST_OPTIONS = 64
"""Bytes of options up to which they are looked through for a key."""
Values = tuple[Column, Column]
"""Rows (int64) and values: numbers, or (rows, bytes) of uint8."""


def field_of(source: Source) -> FieldOf:
    """The field as column readers know it."""
    return FieldOf(source.header, source.spec)


def fields_needed(subject: Subject) -> set[FieldOf]:
    """The fields that are read as columns for a subject."""
    shape = subject.shape
    if shape and shape[0] == "field":
        return {field_of(source) for source in shape[1]}
    return {field for inner in _inner(subject) for field in fields_needed(inner)}


def classes_needed(subject: Subject) -> tuple[set[type[Header]], set[type[Header]]]:
    """The headers whose presence is asked, and those whose places are."""
    shape = subject.shape
    present, placed = set(subject.classes) - {Header}, set()
    if shape and shape[0] in ("layer", "header"):
        placed |= set(shape[1])
    if shape and shape[0] == "variable":
        placed |= {cls for source in shape[1] for cls in option_holders(source.header)}
    if shape and shape[0] == "derived" and shape[1].part:
        placed |= set(shape[1].classes)
    for inner in _inner(subject):
        one, other = classes_needed(inner)
        present, placed = present | one, placed | other
    return present, placed


def states_needed(subject: Subject) -> set[str]:
    """Names of which the memory must be kept up."""
    if subject.shape and subject.shape[0] == "derived" and subject.shape[1].is_state:
        return {subject.shape[1].name}
    return {name for inner in _inner(subject) for name in states_needed(inner)}


def _inner(subject: Subject) -> Iterator[Subject]:
    return (part for part in subject.shape if isinstance(part, Subject))


@cache
def option_holders(cls: type[Header]) -> tuple[type[Header], ...]:
    """The headers that hold elements of a class behind their fixed part; none where there are others, too."""
    found = holders(cls)
    plans = [plan_of(holder) for holder in found]
    return found if all(plan is not None and plan.header_length is not None for plan in plans) else ()


class Reader:
    """Gives the values of subjects in one chunk."""

    def __init__(self, chunk: Chunk, scan: Scan, first_time: int, inside: Scan) -> None:
        self.chunk, self.scan, self.first_time = chunk, scan, first_time
        self.inside = inside
        """The scan that knows the places of layers."""

    def values(self, subject: Subject) -> Values | None:
        """Rows and values, outer headers not necessarily first; None where columns cannot say it."""
        if not subject.shape:
            return None
        kind, *rest = subject.shape
        make = getattr(self, f"_{kind}", None)
        return make(*rest) if make is not None else None

    def _field(self, sources: tuple[Source, ...]) -> Values | None:
        rows, values = [], []
        for source in sources:
            for found in self.scan.occurrences(field_of(source)):
                column = found.values
                if source.kind == "int":
                    if column.dtype == object:
                        return None
                    if column.dtype == np.uint64 and len(column) and int(column.max()) >> 63:
                        return None  # too large to be counted with
                    column = source.scaled(column.astype(np.int64))
                rows.append(found.rows)
                values.append(column)
        if not rows:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        if len({(one.dtype.kind, one.shape[1:]) for one in values}) > 1:
            return None
        return np.concatenate(rows), np.concatenate(values)

    def _fact(self, fact: Any) -> Values | None:
        packets = self.chunk.packets
        values: Any = {
            "frame.number": lambda: self.chunk.first + np.arange(len(self.chunk)),
            "frame.len": lambda: packets.wire.astype(np.int64),
            "frame.cap_len": lambda: packets.captured.astype(np.int64),
            "frame.time_relative": lambda: (packets.time - self.first_time) / 1e9,
            "frame.time_epoch": lambda: packets.time / 1e9,
            "frame.time": lambda: packets.time,
        }.get(fact.name)
        return (np.arange(len(self.chunk)), values()) if values is not None else None

    def _derived(self, derived: Any) -> Values | None:
        if derived.is_state:
            return state_columns(derived.name, self.chunk)
        if derived.part != "length":
            return None
        places = self.inside.places(derived.classes[0])
        return _joined([(place.rows, place.claimed - place.body) for place in places])

    def _constant(self, value: float) -> Values:
        return np.arange(len(self.chunk)), np.full(len(self.chunk), value)

    def _mask(self, inner: Subject, mask: int) -> Values | None:
        found = self.values(inner)
        if found is None or found[1].dtype.kind not in "iu" or not 0 <= mask < 1 << 63:
            return None
        return found[0], found[1] & mask

    def _len(self, inner: Subject) -> Values | None:
        where = self.stretches(inner) if inner.shape[:1] in (("layer",), ("header",), ("frame",)) else None
        return (where[0], where[2] - where[1]) if where is not None else None

    def _sum(self, left: Subject, sign: str, right: Subject) -> Values | None:
        met = self.met(left, right)
        if met is None:
            return None
        rows, one, other = met
        if one.ndim > 1 or other.ndim > 1:
            return None
        if sign in "/%":
            rows, one, other = (part[other != 0] for part in (rows, one, other))
            if one.dtype.kind == "f" or other.dtype.kind == "f":
                return rows, one / other if sign == "/" else np.mod(one, other)
            quotient = np.abs(one) // np.abs(other) * np.where((one < 0) == (other < 0), 1, -1)
            return rows, quotient if sign == "/" else one - other * quotient
        return rows, one + other if sign == "+" else one - other if sign == "-" else one * other

    def met(self, left: Subject, right: Subject) -> tuple[Column, Column, Column] | None:
        """Rows that have a value of both, and those; None where columns cannot say it, or a row has several."""
        one, other = self.values(left), self.values(right)
        if one is None or other is None:
            return None
        count = len(self.chunk)
        at = np.full(count, -1, np.int64)
        at[one[0]] = np.arange(len(one[0]))
        place = np.full(count, -1, np.int64)
        place[other[0]] = np.arange(len(other[0]))
        if (at >= 0).sum() != len(one[0]) or (place >= 0).sum() != len(other[0]):
            return None
        rows = np.flatnonzero((at >= 0) & (place >= 0))
        return rows, one[1][at[rows]], other[1][place[rows]]

    def may_hold(self, subject: Subject) -> Column | None:
        """Packets with a header that is long enough for an element, and in which the element's key occurs."""
        classes = [source.header for source in subject.sources]
        if subject.shape[:1] != ("variable",) or not all(option_holders(cls) for cls in classes):
            return None
        found = np.zeros(len(self.chunk), bool)
        for cls in classes:
            base = cls.family_base
            keys = [key for key, member in base.members.items() if issubclass(member, cls)] if base is not None else []
            for holder in option_holders(cls):
                plan = plan_of(holder)
                assert plan is not None
                for place in self.inside.places(holder):
                    longer = place.body - place.at > plan.size
                    rows, at = place.rows[longer], place.at[longer] + plan.size
                    if not len(rows):
                        continue
                    room = place.body[longer] - at
                    if keys and len(keys) == 1 and int(room.max()) <= _MOST_OPTIONS:
                        options = self.chunk.heads(int(room.max()), rows, at)
                        rows = rows[(options == keys[0]).any(axis=1)]
                    found[rows] = True
        return found

    # ------------------------------------------------------------ bytes

    def places(self, classes: tuple[type[Header], ...]) -> list[Places]:
        """Where the layers of these classes lie."""
        return [place for cls in classes for place in self.inside.places(cls)]

    def stretches(self, subject: Subject) -> tuple[Column, Column, Column] | None:
        """Rows, starts and ends (in the packet) of the bytes that a subject stands for."""
        kind, *rest = subject.shape or ("",)
        if kind == "frame":
            captured = self.chunk.packets.captured.astype(np.int64)
            return np.arange(len(self.chunk)), np.zeros(len(self.chunk), np.int64), captured
        if kind == "layer":
            parts = [(place.rows, place.at, place.stop) for place in self.places(rest[0])]
        elif kind == "header":
            parts = [(place.rows, place.at, np.minimum(place.body, place.stop)) for place in self.places(rest[0])]
        elif kind == "derived" and rest[0].part == "body":
            parts = [(place.rows, place.body, place.stop) for place in self.places(rest[0].classes)]
        else:
            return None
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
        rows, start, stop = (np.concatenate(column) for column in zip(*parts, strict=True))
        keep = stop > start if kind == "derived" else np.ones(len(rows), bool)
        return rows[keep], start[keep], stop[keep]

    def _slice(self, inner: Subject, parts: tuple[tuple[int, int | None], ...]) -> Values | None:
        """Slices of a known size that lie wholly inside; others are left to `decapsulate`."""
        start, stop = parts[0]
        if len(parts) != 1 or stop is None or not 0 <= start < stop:
            return None
        where = self.stretches(inner)
        if where is not None:
            rows, begin, end = where
            if ((end - begin > start) & (end - begin < stop)).any():
                return None  # a part of the slice is there, and counts
            rows, begin = rows[end - begin >= stop], begin[end - begin >= stop]
            offset = self.chunk.packets.offset[rows] - self.chunk.base + begin + start
            return rows, take_bytes(self.chunk.data, offset, np.full(len(rows), stop - start), stop - start)
        found = self.values(inner)
        if found is None:
            return None
        rows, values = found
        if values.ndim == 2:
            return (rows, values[:, start:stop]) if stop <= values.shape[1] else None
        return None


def _joined(parts: list[Values]) -> Values:
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows, values = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(values)


def containing(chunk: Chunk, where: tuple[Column, Column, Column], needle: bytes) -> Column:
    """A boolean per packet: whether the needle lies in one of its stretches.

    The chunk is searched as one run of bytes; whatever is found is then given to the packet it lies in.
    """
    found = np.zeros(len(chunk), bool)
    rows, start, stop = where
    if not needle:
        found[rows] = True
        return found
    long = stop - start >= len(needle)
    rows, base = rows[long], chunk.packets.offset[rows[long]] - chunk.base
    begin, end = base + start[long], base + stop[long]
    order = np.argsort(begin, kind="stable")
    rows, starts, ends = rows[order], begin[order], end[order]
    if not len(rows):
        return found
    data = chunk.data.data
    if len(rows) < 2 or (starts[1:] >= ends[:-1]).all():
        _search(data, needle, rows, starts, ends, found)
    else:  # layers inside of layers: each on its own
        for row, low, high in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
            found[row] = found[row] or needle in bytes(data[low:high])
    return found


_BLOCK = 1 << 20


def _search(data: memoryview, needle: bytes, rows: Column, starts: Column, ends: Column, found: Column) -> None:
    """Marks the rows of stretches, in order and apart from each other, that hold the needle."""
    size, behind = len(needle), int(ends[-1])
    low = int(starts[0])
    while low < behind:
        high = min(behind, low + _BLOCK)
        block = bytes(data[low : min(behind, high + size - 1)])
        at = block.find(needle)
        while at >= 0:
            place = low + at
            index = int(np.searchsorted(starts, place, "right")) - 1
            if index >= 0 and place + size <= ends[index]:
                found[rows[index]] = True
                place = int(ends[index])
            elif index + 1 < len(starts) and (index < 0 or place >= ends[index]):
                place = int(starts[index + 1])
            else:
                place += 1
            at = block.find(needle, place - low) if place - low < len(block) else -1
        low = high
