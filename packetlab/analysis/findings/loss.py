"""TCP data that were sent again, and packets that the capture holds twice.

Per direction of a connection the highest sequence number so far is kept; a segment that brings nothing beyond it
was sent again (or overtaken by later ones on the way). All segments of a chunk at once: sorted by direction, with
a running maximum; Python runs once per direction and chunk. `packetlab pcap health` tells the cases apart.
A segment with the identification of an earlier one is the same packet recorded again, and no retransmission.
"""

from dataclasses import dataclass, field

import numpy as np

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Found, Seen, endpoint
from packetlab.analysis.plan import Column
from packetlab.transport.tcp import TCP

MOST_DIRECTIONS = 200_000
MUCH = 0.01
"""Share of segments from which on retransmissions are a warning."""

_STEP = 1 << 34

MANY = Kind(
    "retransmissions", "warning", "transport", "Much data was sent again",
    "More than one in a hundred segments brought nothing new: they were lost on the way and sent again, or overtaken. "
    "TCP repairs that, but each loss costs time, and the sender slows down.",
    "packetlab pcap health FILE says which kind of loss it is; packetlab pcap plot FILE --what sequence "
    "--stream N shows it.",
    "tcp",
)  # fmt: skip
FEW = Kind(
    "retransmissions-few", "note", "transport", "Some data were sent again",
    "A few segments were lost on the way and sent again, or overtaken by later ones. That is normal on busy links.",
    "packetlab pcap health FILE says which kind of loss it is.", "tcp",
)  # fmt: skip
TWICE = Kind(
    "recorded-twice", "note", "capture", "Packets were recorded twice",
    "The same packet (same identification) stands in the capture more than once: it was recorded at two places, or the "
    "switch's mirror port copied it when it came in and when it went out. Counts and rates are too high.",
    "packetlab pcap dedup FILE OUT removes the copies.",
)  # fmt: skip


@dataclass(slots=True)
class _Direction:
    ends: tuple[bytes, int, bytes, int]
    highest: int
    """Sequence number behind the last byte."""
    total: int = 0
    again: int = 0
    packets: list[int] = field(default_factory=list)


class Losses:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.known: dict[int, _Direction] = {}

    def take(self, seen: Seen) -> None:
        found = seen.found(TCP, 20)
        flags = found.bytes[:, 13]
        length = found.claimed - found.body
        rows = found.rows[seen.copies]
        self.notes.add_all(TWICE, "capture", (rows[:20] + seen.first).tolist())
        if len(rows) > 20:
            self.notes.add(TWICE, "capture", count=len(rows) - 20)
        keep = (length > 0) | (flags & 2 != 0)
        keep &= (found.stop - found.at >= 20) & (seen.ip.version[found.rows] > 0) & ~seen.copies
        found, length, is_syn, mark = found.chosen(keep), length[keep], flags[keep] & 2 != 0, seen.marks[keep]
        if not len(found):
            return
        order = np.argsort(mark, kind="stable")
        found, length, is_syn, mark = found.chosen(order), length[order], is_syn[order], mark[order]
        begins = np.flatnonzero(np.r_[True, mark[1:] != mark[:-1]])
        group = np.cumsum(np.r_[True, (mark[1:] != mark[:-1]) | is_syn[1:]]) - 1
        starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
        sequence = found.number(4, 4)
        base = sequence[starts].copy()
        before = np.full(len(starts), -_STEP // 2, np.int64)
        for at, raw in zip(begins.tolist(), mark[begins].tolist(), strict=True):
            known = self.known.get(raw)
            if known is not None and not is_syn[at]:
                before[group[at]] = _signed(known.highest - int(base[group[at]]))
        begin = (sequence - base[group] + (1 << 31)) % (1 << 32) - (1 << 31)
        end = begin + length + is_syn
        is_first = np.zeros(len(end), bool)
        is_first[starts] = True
        lifted = np.where(is_first, np.maximum(end, before[group]), end) + group * _STEP
        running = np.maximum.accumulate(lifted) - group * _STEP
        highest = np.where(is_first, before[group], np.r_[0, running[:-1]])
        again = (end <= highest) & (length > 0) & ~((length == 1) & (begin == highest - 1))
        self._keep(seen, found, mark, begins, again, length, (base[group] + running) % (1 << 32))

    def _keep(
        self, seen: Seen, found: Found, mark: Column, begins: Column, again: Column, length: Column, highest: Column
    ) -> None:
        stops = np.r_[begins[1:], len(mark)]
        totals = np.add.reduceat((length > 0).astype(np.int64), begins).tolist()
        repeated = np.add.reduceat(again.astype(np.int64), begins).tolist()
        firsts = found.chosen(begins)
        columns = zip(
            mark[begins].tolist(), begins.tolist(), stops.tolist(), totals, repeated, seen.ends(firsts.rows),
            firsts.number(0, 2).tolist(), firsts.number(2, 2).tolist(), highest[stops - 1].tolist(), strict=True,
        )  # fmt: skip
        for raw, start, stop, total, count, (src, dst), port, to, top in columns:
            one = self.known.get(raw)
            if one is None:
                if len(self.known) >= MOST_DIRECTIONS:
                    continue
                one = self.known[raw] = _Direction((src, port, dst, to), top)
            one.highest = top
            one.total += total
            one.again += count
            if count and len(one.packets) < 20:
                rows = found.rows[start:stop][again[start:stop]][:20]
                one.packets += (rows + seen.first).tolist()

    def end(self) -> None:
        for one in self.known.values():
            if not one.again:
                continue
            src, port, dst, to = one.ends
            share = one.again / max(one.total, 1)
            kind = MANY if share >= MUCH and one.again >= 3 else FEW
            detail = f"{one.again} of {one.total} segments ({share:.1%})"
            about = f"{endpoint(src, port)} to {endpoint(dst, to)}"
            self.notes.add_all(kind, about, one.packets[:20], detail=detail)
            self.notes.add(kind, about, count=one.again - len(one.packets[:20]))


def _signed(difference: int) -> int:
    return (difference + (1 << 31)) % (1 << 32) - (1 << 31)
