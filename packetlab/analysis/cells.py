"""The beginnings of a chunk's packets, copied once, and numbers read from them.

Most headers of a group of packets lie at one offset. A field at one offset of all rows is a strided view of the
copy, which costs no gathering; only where offsets differ (behind options) are bytes gathered anew.
"""

from dataclasses import replace

import numpy as np

from packetlab.analysis.plan import Column, Place, read_column
from packetlab.capture.index import Chunk, take_bytes

At = int | Column
"""Offsets from the beginning of each packet: one number where they are all the same, which makes reading quick."""


def taken(at: At, keep: Column) -> At:
    return at if isinstance(at, int) else at[keep]


def one_number(values: Column) -> At:
    """The offsets as one number if they are all the same."""
    first = int(values[0]) if len(values) else 0
    return first if (values == first).all() else values


class Cells:
    """The beginnings of all packets of a chunk, copied once; fields at one offset are then views of them."""

    WIDTH = 96

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        offset = chunk.packets.offset - chunk.base
        self._matrix = take_bytes(chunk.data, offset, None, self.WIDTH)

    def words(self, rows: Column, at: At, size: int, *, little: bool = False) -> Column:
        """Per row, the number of `size` (1, 2, 4 or 8) bytes at that offset; it may lie behind the packet's end."""
        kind = np.dtype(f"{'<' if little else '>'}u{size}")
        if isinstance(at, int) and at + size <= self.WIDTH:
            count = len(self._matrix)
            if not count:
                return np.empty(0, kind.newbyteorder("="))
            view: Column = np.ndarray((count,), kind, self._matrix.data, at, (self.WIDTH,))
            return (view if len(rows) == count else view[rows]).astype(kind.newbyteorder("="))
        return self._far(rows, at, size).view(kind)[:, 0].astype(kind.newbyteorder("="))

    def octets(self, rows: Column, at: At, size: int) -> Column:
        """Per row, the `size` bytes at that offset, as (rows, size)."""
        if isinstance(at, int) and at + size <= self.WIDTH:
            part = self._matrix[:, at : at + size]
            return part if len(rows) == len(part) else part[rows]
        return self._far(rows, at, size)

    def field(self, place: Place, rows: Column, at: At) -> Column:
        """A header's field of the rows, as plan.read_column gives it; `at` is where the headers lie."""
        if place.raw or place.size not in (1, 2, 4, 8):
            matrix = self.octets(rows, at + place.byte, place.size)
            return read_column(matrix, replace(place, byte=0))
        number = self.words(rows, at + place.byte, place.size, little=place.little)
        number = number.astype(np.uint64 if place.bits > 32 or place.size > 4 else np.uint32)
        if place.shift:
            number = number >> number.dtype.type(place.shift)
        if place.bits < place.size * 8:
            number = number & number.dtype.type((1 << place.bits) - 1)
        return number

    def _far(self, rows: Column, at: At, size: int) -> Column:
        chunk = self.chunk
        return take_bytes(chunk.data, chunk.packets.offset[rows] - chunk.base + at, None, size)


def distinct(keys: Column) -> list[int]:
    """The different values, ascending."""
    if not len(keys):
        return []
    if keys.dtype.itemsize <= 4:
        first = keys[0]
        if (keys == first).all():
            return [int(first)]
        if int(keys.max()) < 1 << 16:
            found: list[int] = np.flatnonzero(np.bincount(keys)).tolist()
            return found
    return [int(key) for key in np.unique(keys)]
