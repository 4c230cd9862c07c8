"""Rows grouped by an unordered pair of endpoints, with NumPy.

One 64-bit hash per row that does not depend on who is the sender; rows of one hash are held against the first of
them, so that two pairs that share a hash are still two groups.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from packetlab.analysis.plan import Column

_TURN = np.uint64(0x9E3779B97F4A7C15)


def mixed(words: Column) -> Column:
    """A 64-bit hash per row of 32-bit words (multiply and fold, as in splitmix64)."""
    value = np.zeros(len(words), np.uint64)
    for column in range(words.shape[1]):
        value = (value ^ words[:, column]) * _TURN
        value ^= value >> np.uint64(29)
    return value


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one pair, in order."""

    rows: Column
    turned: Column
    """bool per row: source and destination the other way round than in the group's first row."""


class Groups:
    """Groups of the rows of `ends`: (rows, 2 n) bytes, source and destination endpoint of n bytes each.

    n must be a multiple of 4. Iterates over `Group`s.
    """

    def __init__(self, ends: Column) -> None:
        half = ends.shape[1] // 2
        self._one = np.ascontiguousarray(ends[:, :half]).view(np.uint32)
        self._other = np.ascontiguousarray(ends[:, half:]).view(np.uint32)

    def __iter__(self) -> Iterator[Group]:
        return self._groups(np.arange(len(self._one)))

    def _groups(self, rows: Column) -> Iterator[Group]:
        if not len(rows):
            return
        one, other = self._one[rows], self._other[rows]
        hash_one, hash_other = mixed(one), mixed(other)
        hashes = np.minimum(hash_one, hash_other) * _TURN + np.maximum(hash_one, hash_other)
        order = np.argsort(hashes, kind="stable")
        sorted_hashes = hashes[order]
        starts = np.flatnonzero(np.concatenate([[True], sorted_hashes[1:] != sorted_hashes[:-1]]))
        first = np.repeat(order[starts], np.diff(np.append(starts, len(order))))
        same = (one[order] == one[first]).all(axis=1) & (other[order] == other[first]).all(axis=1)
        turned = ~same & (one[order] == other[first]).all(axis=1) & (other[order] == one[first]).all(axis=1)
        fits = same | turned
        all_fit = bool(fits.all())
        members = rows[order]
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
            mine, back = members[start:stop], turned[start:stop]
            if not all_fit:
                mine, back = mine[fits[start:stop]], back[fits[start:stop]]
            yield Group(mine, back)
        if not all_fit:
            yield from self._groups(np.sort(members[~fits]))
