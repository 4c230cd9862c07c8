"""Following a chain of records with many lanes at once, and the same result as with one.

Where a record begins is only known once the one before has been read, so a plain walk does one record at a
time. Here a stretch of bytes is cut into slices; in each a plausible first record is guessed; then all chains
are followed together, one NumPy operation moving every lane on by one record. A guess may be wrong, so it is
believed only if the chain of the lane before, which is known to be right, lands exactly on it. Where it does
not, that chain is followed one by one until it meets a later guess. The first lane starts at a place that is
known, so the result is exact whatever the guesses were: they decide about speed alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Positions = np.ndarray[Any, np.dtype[np.int64]]


def follow(
    starts: Positions,
    stop: int,
    advance: Callable[[Positions], Positions],
    advance_one: Callable[[int], int],
) -> Positions:
    """Every position of the chain that begins at starts[0], ascending, below `stop`.

    starts       ascending; all but the first are guesses
    advance      positions -> the positions of the records behind them, each larger than before
    advance_one  the same for one
    """
    lanes = len(starts)
    ends = np.append(starts[1:], stop)
    landed = np.empty(lanes, np.int64)
    position, lane, end = starts, np.arange(lanes), ends
    rows, row_lanes = [], []
    while len(position):
        rows.append(position)
        row_lanes.append(lane)
        position = advance(position)
        going = position < end
        if not going.all():
            done = ~going
            landed[lane[done]] = position[done]
            position, lane, end = position[going], lane[going], end[going]
    everything = np.concatenate(rows)
    if (landed[:-1] == starts[1:]).all():
        return np.sort(everything)
    return _mended(starts, stop, landed, everything, np.concatenate(row_lanes), advance_one)


def _mended(
    starts: Positions,
    stop: int,
    landed: Positions,
    everything: Positions,
    lanes: Positions,
    advance_one: Callable[[int], int],
) -> Positions:
    """Joins the lanes that are right with single steps between them."""
    right = np.zeros(len(starts), bool)
    between: list[int] = []
    lane_at = {int(start): number for number, start in enumerate(starts)}
    lane, position = 0, int(starts[0])
    while position < stop:
        found = lane_at.get(position)
        if found is None:
            between.append(position)
            position = advance_one(position)
        else:
            lane = found
            right[lane] = True
            position = int(landed[lane])
    return np.sort(np.concatenate([everything[right[lanes]], np.array(between, np.int64)]))


def gather(data: Any, size: int, shift: int = 0) -> Any:
    """A view of `data` (uint8) whose element i is the `size` bytes at i + shift, as one opaque value.

    Indexing it with positions copies those bytes. Opaque values may begin at any byte, so NumPy need not make
    an aligned copy of the whole.
    """
    count = max(0, len(data) - shift - size + 1)
    return np.ndarray((count,), np.dtype((np.void, size)), buffer=data, offset=shift if count else 0, strides=(1,))


class Pace:
    """How far ahead the next stretch looks: far while all is well, little or nothing where much is damaged.

    Starting a stretch costs as much as some hundred single steps, so where stretches end soon, single steps
    are taken for a while.
    """

    _LEAST, _FEW = 1 << 16, 64

    def __init__(self) -> None:
        self._reach = self._LEAST
        self._skip = 0
        self._patience = 0

    def reach(self) -> int:
        """Bytes that the next stretch may look at; 0 for a single step instead."""
        if self._patience:
            self._patience -= 1
            return 0
        return self._reach

    def ran(self, count: int, clean: bool) -> None:
        """A stretch found `count` records and met nothing odd if `clean`."""
        if clean:
            self._reach = min(self._reach * 8, 1 << 40)
            self._skip = 0
        else:
            self._reach = max(self._LEAST, self._reach // 8)
            self._skip = min(256, 2 * self._skip + 8) if count < self._FEW else 0
            self._patience = self._skip
