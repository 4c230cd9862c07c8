"""One TCP connection as curves: what was sent and acknowledged when, round trips, throughput, window.

Sequence numbers are made to count from the first one seen, so that a wrap is not seen. Round trips are measured
from a data segment to the first acknowledgement of its last byte; a segment that was sent again is not measured,
because nobody knows which of the two was answered (RFC 6298, section 3). They are those seen at the place of the
capture: near the receiver they are short.
"""

from collections import deque
from dataclasses import dataclass
from os import PathLike
from typing import Any, BinaryIO

import numpy as np

from packetlab.analysis.curves import Curves, What
from packetlab.analysis.filter import Filter
from packetlab.analysis.plan import Column
from packetlab.analysis.segments import SegmentReader, Segments, segments
from packetlab.capture.damage import Damage
from packetlab.capture.index import chunks
from packetlab.capture.source import CapturePath
from packetlab.model.errors import UsageError
from packetlab.show.plots import Series, Style
from packetlab.transport.tcp import TCP

MOST_SEGMENTS = 1_000_000
"""That are kept (about 60 MB); later ones are left out."""

_SYN, _FIN, _ACK, _RST = (int(flag) for flag in (TCP.SYN, TCP.FIN, TCP.ACK, TCP.RST))
_COLUMNS = ("time", "direction", "sequence", "acknowledgment", "flags", "window", "length")


@dataclass(slots=True)
class _Connection:
    """The segments of one connection as columns, from the first packet of the capture on in nanoseconds."""

    number: int
    names: tuple[str, str]
    columns: dict[str, Column]
    scale: list[int | None]
    """Shift of the window, as each side's SYN said; None where no SYN was seen."""
    damage: tuple[Damage, ...] = ()

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]


def tcp_curves(source: CapturePath | BinaryIO, what: What, where: Filter | None, stream: int | None) -> Curves:
    """The curves of the connection; of the one with most payload if `stream` is None (reads a file twice then)."""
    found = _read(source, where, stream)
    make = {"rtt": _round_trips, "sequence": _sequence, "throughput": _throughput, "window": _window}[what]
    title, label, series = make(found)
    names = f"{found.names[0]} and {found.names[1]}"
    return Curves(
        f"{title} of TCP connection {found.number}, {names}", "seconds after the first packet", label, series,
        found.number, found.damage,
    )  # fmt: skip


def _read(source: CapturePath | BinaryIO, where: Filter | None, stream: int | None) -> _Connection:
    """The segments of one connection. A pipe can be read only once, so all segments are kept then."""
    if stream is None and isinstance(source, str | PathLike) and str(source) != "-":
        stream = _largest(source, where)
    reader = SegmentReader()
    sizes: dict[int, float] = {}
    kept: dict[str, list[Column]] = {name: [] for name in ("stream", *_COLUMNS)}
    scales: dict[int, list[int | None]] = {}
    first, count = 0, 0
    with chunks(source) as index:
        for chunk in index:
            first = first or int(chunk.packets.time[0])
            part = reader.read(chunk)
            if where is not None:
                part = part.chosen(where.select(chunk, first)[part.row])
            if stream is not None:
                part = part.chosen(part.stream == stream)
            for row in np.flatnonzero(part.flags & _SYN).tolist():
                both = scales.setdefault(int(part.stream[row]), [None, None])
                both[int(part.direction[row])] = _shift(part.options(row))
            _count(part, sizes)
            count += len(part)
            if count <= MOST_SEGMENTS:
                for name, parts in kept.items():
                    parts.append(np.asarray(getattr(part, name)).copy())
        damage = tuple(index.damage)
    if not sizes:
        if stream is None:
            raise UsageError("there is no TCP in it" + (" that the filter lets through" if where else ""))
        highest = len(reader.streams) - 1
        raise UsageError(
            f"there is no TCP connection {stream}" + (" that the filter lets through" if where else ""),
            remedy=f"connections count from 0 to {highest}" if highest >= 0 else "there is no TCP in it at all",
        )
    chosen = stream if stream is not None else _biggest(sizes)
    columns = {name: np.concatenate(parts) for name, parts in kept.items()}
    mine = columns["stream"] == chosen
    columns = {name: values[mine] for name, values in columns.items()}
    columns["time"] = (columns["time"] - first) / 1e9
    ends = reader.streams[chosen]
    return _Connection(
        chosen, (ends.text(0), ends.text(1)), columns, scales.get(chosen, [None, None]), damage
    )  # fmt: skip


def _count(part: Segments, sizes: dict[int, float]) -> None:
    """Add the payload of each connection; a segment without any counts a little."""
    numbers, back = np.unique(part.stream, return_inverse=True)
    for number, size in zip(numbers.tolist(), np.bincount(back, part.length + 1e-3).tolist(), strict=False):
        sizes[number] = sizes.get(number, 0) + size


def _biggest(sizes: dict[int, float]) -> int:
    return max(sizes, key=lambda number: (sizes[number], -number))


def _largest(source: CapturePath, where: Filter | None) -> int | None:
    sizes: dict[int, float] = {}
    for part in segments(source, where):
        _count(part, sizes)
    return _biggest(sizes) if sizes else None


def _shift(options: bytes) -> int:
    """What the window scale option says (RFC 7323, section 2.2); 0 without it."""
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2:
            break
        if options[at] == 3 and options[at + 1] == 3 and at + 2 < len(options):
            return min(options[at + 2], 14)
        at += options[at + 1]
    return 0


def _relative(numbers: Column, base: int) -> Column:
    """Sequence numbers as bytes after `base`, wrapped ones unwrapped: each is within 2 GB of the one before."""
    if not len(numbers):
        return np.empty(0, np.int64)
    steps: Any = np.diff(numbers.astype(np.int64), prepend=base)
    return np.cumsum((steps + (1 << 31)) % (1 << 32) - (1 << 31))


def _base(found: _Connection, side: int) -> int | None:
    """The sequence number with which a side begins, or the first that was seen of it."""
    mine = found["direction"] == side
    if mine.any():
        return int(found["sequence"][mine][0])
    other = (found["direction"] != side) & (found["flags"] & _ACK != 0)
    return int(found["acknowledgment"][other][0]) if other.any() else None


def _sent(found: _Connection, side: int) -> tuple[Column, Column, Column]:
    """(time, begin, end) of the segments of a side that take room in the sequence, in bytes from the first."""
    flags = found["flags"]
    taken = found["length"] + (flags & _SYN != 0) + (flags & _FIN != 0)
    mine = (found["direction"] == side) & (taken > 0) & (flags & _RST == 0)
    begin = _relative(found["sequence"][mine], _base(found, side) or 0)
    return found["time"][mine], begin, begin + taken[mine]


def _acknowledged(found: _Connection, side: int) -> tuple[Column, Column, Column]:
    """(time, up to, window) of the acknowledgements of what `side` sent."""
    flags = found["flags"]
    mine = (found["direction"] != side) & (flags & _ACK != 0) & (flags & _RST == 0)
    is_syn = flags[mine] & _SYN != 0
    shift = found.scale[1 - side] if found.scale[side] is not None else None
    window = found["window"][mine].astype(np.int64)
    window = np.where(is_syn, window, window << (shift or 0))
    return found["time"][mine], _relative(found["acknowledgment"][mine], _base(found, side) or 0), window


def _sides(found: _Connection) -> list[int]:
    """The directions that carry data, the busier one first."""
    sizes = [int(found["length"][found["direction"] == side].sum()) for side in (0, 1)]
    return sorted((side for side in (0, 1) if sizes[side]), key=lambda side: -sizes[side]) or [0]


def _arrow(found: _Connection, side: int) -> str:
    return f"from {found.names[side]}"


Made = tuple[str, str, tuple[Series, ...]]


def _sequence(found: _Connection) -> Made:
    side = _sides(found)[0]
    time, _, end = _sent(found, side)
    when, up_to, window = _acknowledged(found, side)
    style: Style = "steps"
    return f"Sequence numbers {_arrow(found, side)}", "bytes", (
        Series("sent", time, end, "points"), Series("acknowledged", when, up_to, style),
        Series("end of window", when, up_to + window, style),
    )  # fmt: skip


def _round_trips(found: _Connection) -> Made:
    series = []
    for side in _sides(found):
        time, trips = round_trips(*_sent(found, side), *_acknowledged(found, side)[:2])
        series.append(Series(_arrow(found, side), time, trips * 1e3, "points"))
    return "Round trips", "milliseconds", tuple(series)


def round_trips(time: Any, begin: Any, end: Any, when: Any, up_to: Any) -> tuple[Column, Column]:
    """(time of sending, seconds) of each segment that was sent once and acknowledged."""
    waiting: deque[tuple[int, float, bool]] = deque()
    highest = -1
    made: list[tuple[float, float]] = []
    events = sorted(
        [(moment, 0, int(first), int(last)) for moment, first, last in zip(time, begin, end, strict=True)]
        + [(moment, 1, 0, int(last)) for moment, last in zip(when, up_to, strict=True)]
    )
    for moment, kind, first, last in events:
        if kind == 0:
            if last <= highest:
                # Sent again: none of the bytes from here on can be measured.
                waiting = deque((stop, sent, sound and stop <= first) for stop, sent, sound in waiting)
                continue
            highest = last
            waiting.append((last, moment, True))
            continue
        newest: float | None = None
        while waiting and waiting[0][0] <= last:
            stop, sent, sound = waiting.popleft()
            if sound and stop == last:
                newest = sent
        if newest is not None:
            made.append((newest, moment - newest))
    pairs = np.asarray(made, np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _throughput(found: _Connection) -> Made:
    times = found["time"]
    low, high = float(times.min()), float(times.max())
    width = max((high - low) / 60, 1e-6)
    edges = low + np.arange(61) * width
    series = []
    for side in _sides(found):
        mine = found["direction"] == side
        place = np.clip(((times[mine] - low) / width).astype(np.int64), 0, 59)
        octets = np.bincount(place, found["length"][mine].astype(np.float64), 60)
        series.append(Series(_arrow(found, side), edges[:60], octets * 8 / width, "steps"))
    return f"Throughput (payload, per {width * 1e3:.3g} ms)", "bit/s", tuple(series)


def _window(found: _Connection) -> Made:
    side = _sides(found)[0]
    time, _, end = _sent(found, side)
    when, up_to, window = _acknowledged(found, side)
    moments = np.concatenate([time, when])
    order = np.argsort(moments, kind="stable")
    highest = np.maximum.accumulate(np.concatenate([end, np.full(len(when), np.iinfo(np.int64).min)])[order])
    lowest = np.maximum.accumulate(np.concatenate([np.full(len(time), np.iinfo(np.int64).min), up_to])[order])
    known = (highest >= 0) & (lowest >= 0)
    flight = np.maximum(highest[known] - lowest[known], 0)
    unknown = " (its scale is not known: no handshake)" if None in found.scale else ""
    return f"Window{unknown} and bytes in flight {_arrow(found, side)}", "bytes", (
        Series("in flight", moments[order][known], flight, "steps"), Series("receiver's window", when, window, "steps"),
    )  # fmt: skip
