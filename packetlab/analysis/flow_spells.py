"""Spells of TCP put together to connections, and the counts of several processes to one table.

As Wireshark 4.0 sees it, a SYN from known addresses and ports begins a new connection if its sequence number is not
the one with which that side began; otherwise it is the same SYN once more, even after a reset. Spells end at every
such SYN, so this is decided here, spell by spell, in the order of the capture.
"""

import numpy as np

from packetlab.analysis.flow_counts import FlowCounts, Spells
from packetlab.analysis.plan import Column


def append_counts(whole: FlowCounts, part: FlowCounts, number: int) -> Column:
    """Add what another process counted of the packets behind those counted so far; `number` packets came before.

    Both must have been made with the same secret. Returns what the part's spells are in the whole.
    """
    other = part.spells
    places = np.empty(other.count, np.int64)
    if not other.count:
        whole.other_packets += part.other_packets
        return places
    hashes = part.hashes[: part.count]
    ids = whole.find(hashes)
    fresh = np.flatnonzero(ids < 0)
    ids[fresh] = whole.count + np.arange(len(fresh))
    whole.insert(hashes[fresh], part.keys[: part.count][fresh])
    other.cut()
    _shift(other, number)
    other.key = ids[other.key]
    known = np.ones(whole.count, bool)
    known[ids[fresh]] = False
    begins_anew = other.begins_with_syn if whole.tcp else np.zeros(other.count, bool)
    goes_on = known[other.key] & ~begins_anew
    rows = np.flatnonzero(goes_on)
    # Only the first spell of a flow can begin without a SYN, so each row is joined to another spell.
    places[rows] = whole.current[other.key[rows]]
    join(whole.spells, places[rows], other, rows)
    rows = np.flatnonzero(~goes_on)
    places[rows] = new = whole.spells.add(len(rows))
    for name in whole.spells.names:
        for half in range(other.width(name)):
            width = other.width(name)
            getattr(whole.spells, name)[new * width + half] = getattr(other, name)[rows * width + half]
    whole.current[other.key[rows]] = new  # the latest is written last
    whole.packets += part.packets
    whole.other_packets += part.other_packets
    return places


def _shift(spells: Spells, number: int) -> None:
    spells.number += number
    if "flags" in spells.names:
        for name in ("answer_number", "ack_number", "first_ack_number"):
            column = getattr(spells, name)
            column[column > 0] += number


def join(into: Spells, to: Column, other: Spells, rows: Column) -> None:
    """Add spells to those that they continue; no spell may stand in `to` twice."""
    into.first[to] = np.minimum(into.first[to], other.first[rows])
    into.last[to] = np.maximum(into.last[to], other.last[rows])
    for half in range(2):
        here, there = to * 2 + half, rows * 2 + half
        into.packets[here] += other.packets[there]
        into.bytes[here] += other.bytes[there]
    if "flags" not in into.names:
        return
    known = into.answer_number[to] > 0
    for half in range(2):
        here, there = to * 2 + half, rows * 2 + half
        into.flags[here] |= other.flags[there]
        into.base[here] = np.where(into.base[here] < 0, other.base[there], into.base[here])
        # The ACK that ends the handshake is the first behind the answer to the SYN.
        misses, misses_any = into.ack_number[here] == 0, into.first_ack_number[here] == 0
        for name in ("number", "time"):
            behind, first = getattr(into, f"ack_{name}"), getattr(into, f"first_ack_{name}")
            theirs, their_first = getattr(other, f"ack_{name}")[there], getattr(other, f"first_ack_{name}")[there]
            behind[here] = np.where(misses, np.where(known, their_first, theirs), behind[here])
            first[here] = np.where(misses_any, their_first, first[here])
    newer = ~known & other.begins_with_syn[rows]
    into.syn_time[to] = np.where(newer, other.syn_time[rows], into.syn_time[to])
    for name in ("answer_number", "answer_time", "answer_sender"):
        mine = getattr(into, name)
        mine[to] = np.where(known, mine[to], getattr(other, name)[rows])


def connections(counts: FlowCounts) -> Column:
    """Joins repeated SYNs to their connections; returns the spells that are connections, in the order of the capture.

    The spells themselves are changed: call it once, when everything has been counted.
    """
    spells = counts.spells
    spells.cut()
    keep = np.ones(spells.count, bool)
    if counts.tcp and spells.count > counts.count:
        order = np.argsort(spells.key, kind="stable")
        keys = spells.key[order]
        several = np.zeros(len(keys), bool)
        several[1:] = keys[1:] == keys[:-1]
        several[:-1] |= several[1:]
        places = order[several].tolist()
        continues = _continued(spells, places)
        keep[[spell for spell, _, _ in continues]] = False
        rank = 1
        while continues:
            now = [one for one in continues if one[2] == rank]
            continues = [one for one in continues if one[2] > rank]
            into, rows = np.array([one[1] for one in now]), np.array([one[0] for one in now])
            if len(rows):
                join(spells, into, spells, rows)
            rank += 1
    found = np.flatnonzero(keep)
    return found[np.argsort(spells.number[found], kind="stable")]


def _continued(spells: Spells, places: list[int]) -> list[tuple[int, int, int]]:
    """(spell, the first spell of its connection, how many spells of the connection are before it)."""
    found = []
    key, head, rank = -1, -1, 0
    base = [-1, -1]
    for spell in places:
        own = [int(spells.base[spell * 2]), int(spells.base[spell * 2 + 1])]
        side = int(spells.sender[spell])
        same = int(spells.key[spell]) == key and base[side] in (-1, own[side])
        if same:
            rank += 1
            base = [old if old >= 0 else new for old, new in zip(base, own, strict=True)]
            found.append((spell, head, rank))
        else:
            key, head, rank, base = int(spells.key[spell]), spell, 0, own
    return found
