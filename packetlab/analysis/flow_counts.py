"""The table of flows while a capture is read: growing arrays, and a hash table that finds a packet's row in them.

A packet's endpoints come as two 64-bit numbers (flow_keys.py). The pair is hashed to 64 bits with a secret of this
run; two of a million flows share a hash, and would be counted as one, with a chance of 3 in 10^8. Nothing is done
per flow in Python: known flows are found with a few array operations, new ones are put into free slots together.

TCP flows are counted in *spells*: a spell ends where a SYN comes from the same addresses and ports. Whether that
SYN is a repeated one or begins a new connection is decided at the end (flow_spells.py), when all of the capture,
also parts that other processes read, is known. So one process and several give the same flows.
"""

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np

from packetlab.analysis.plan import Column

MAX_FLOWS = 1_000_000
"""Flows that are told apart, at up to 500 bytes of memory each; packets of any more are `other_packets`."""
MAX_SPELLS = 2 * MAX_FLOWS

KEY_BYTES = 40
"""Two endpoints of 20 bytes: address (16), port (2), length of the address (1), unused (1)."""

SYN, ACK, RST, FIN = 0x02, 0x10, 0x04, 0x01


@dataclass(slots=True)
class Batch:
    """Packets of one piece of a capture that belong to flows, in order; arrays of equal length."""

    low: Column
    """uint64: the smaller endpoint number."""
    high: Column
    direction: Column
    """uint8: 1 where the sender is the higher one."""
    number: Column
    """int64: packet number in the capture."""
    time: Column
    size: Column
    """int64: bytes on the wire."""
    flags: Column | None = None
    """uint16, TCP only."""
    sequences: Any = None
    """TCP: indices -> (sequence, acknowledgment)."""


class Spells:
    """Growing columns, one row per spell (per flow where there is no TCP)."""

    KINDS = {
        "key": np.int64, "packets": np.int64, "bytes": np.int64, "first": np.int64, "last": np.int64,
        "number": np.int64, "sender": np.uint8, "flags": np.uint16, "base": np.int64, "begins_with_syn": np.bool_,
        "syn_time": np.int64, "answer_number": np.int64, "answer_time": np.int64, "answer_sender": np.uint8,
        "ack_number": np.int64, "ack_time": np.int64, "first_ack_number": np.int64, "first_ack_time": np.int64,
    }  # fmt: skip
    BOTH = ("packets", "bytes", "flags", "base", "ack_number", "ack_time", "first_ack_number", "first_ack_time")
    """Two numbers per spell: of what the lower and the higher endpoint sent."""
    TCP_ONLY = ("flags", "base", "begins_with_syn", "syn_time", "answer_number", "answer_time", "answer_sender",
                "ack_number", "ack_time", "first_ack_number", "first_ack_time")  # fmt: skip
    EMPTY = {"first": np.iinfo(np.int64).max, "last": np.iinfo(np.int64).min, "base": -1}

    key: Column
    packets: Column
    bytes: Column
    first: Column
    last: Column
    number: Column
    sender: Column
    flags: Column
    base: Column
    begins_with_syn: Column
    syn_time: Column
    answer_number: Column
    answer_time: Column
    answer_sender: Column
    ack_number: Column
    """Per side: the first ACK behind the answer to the SYN."""
    ack_time: Column
    first_ack_number: Column
    """Per side: the first ACK of the spell, answer or not: the answer may be in a spell before it."""
    first_ack_time: Column

    def __init__(self, tcp: bool) -> None:
        self.count = 0
        self.names = [name for name in self.KINDS if tcp or name not in self.TCP_ONLY]
        for name in self.KINDS:
            setattr(self, name, np.empty(0, self.KINDS[name]))

    def width(self, name: str) -> int:
        """Numbers per spell in that column."""
        return 2 if name in self.BOTH else 1

    def add(self, more: int) -> Column:
        """Rows for so many new spells; returns their numbers."""
        need = self.count + more
        if need > len(self.key):
            room = max(1024, need + need // 2)
            for name in self.names:
                grown: Column = np.full(room * self.width(name), self.EMPTY.get(name, 0), self.KINDS[name])
                old = getattr(self, name)
                grown[: len(old)] = old
                setattr(self, name, grown)
        new = np.arange(self.count, need)
        self.count = need
        return new

    def cut(self) -> None:
        """Lets go of the room for more."""
        for name in self.names:
            setattr(self, name, getattr(self, name)[: self.count * self.width(name)].copy())


class FlowCounts:
    """Flows by key, and what was counted of them."""

    def __init__(self, tcp: bool, secret: tuple[int, int] | None = None) -> None:
        self.tcp = tcp
        self.secret = secret or new_secret()
        self.spells = Spells(tcp)
        self.keys = np.empty((0, KEY_BYTES), np.uint8)
        self.hashes = np.empty(0, np.uint64)
        self.current = np.empty(0, np.int64)
        """Per flow key: its latest spell."""
        self.count = 0
        """Flow keys."""
        self.packets = 0
        self.other_packets = 0
        self._bits = 12
        self._slot_hash = np.zeros(1 << self._bits, np.uint64)
        self._slot_key = np.zeros(1 << self._bits, np.int32)

    # ------------------------------------------------------------ adding packets

    def add(self, batch: Batch, endpoints: Any) -> Column:
        """Count the packets; `endpoints(indices)` gives keys of those, (n, KEY_BYTES), lower endpoint first.

        Returns the spell of each packet; -1 where there was no room for its flow.
        """
        hashes = self.hash(batch.low, batch.high)
        ids = self.find(hashes)
        fresh = np.flatnonzero(ids < 0)
        firsts = np.empty(0, np.int64)
        if len(fresh):
            firsts = self._new(hashes, ids, fresh, endpoints)
            if self.count >= MAX_FLOWS and (lost := ids < 0).any():
                self.other_packets += int(lost.sum())
                return self._add_some(batch, ids, firsts, ~lost)
        return self._count(batch, ids, firsts)

    def _add_some(self, batch: Batch, ids: Column, firsts: Column, keep: Column) -> Column:
        places = np.flatnonzero(keep)
        flags = batch.flags[keep] if batch.flags is not None else None
        some = Batch(
            batch.low[keep], batch.high[keep], batch.direction[keep], batch.number[keep], batch.time[keep],
            batch.size[keep], flags, lambda indices: batch.sequences(places[indices]),
        )  # fmt: skip
        spells = np.full(len(keep), -1, np.int64)
        spells[keep] = self._count(some, ids[keep], np.searchsorted(places, firsts))
        return spells

    def hash(self, low: Column, high: Column) -> Column:
        """The pair of endpoints in 64 bits, never 0."""
        value = (low ^ np.uint64(self.secret[0])) * _ODD
        value ^= value >> np.uint64(32)
        value += high ^ np.uint64(self.secret[1])
        value *= _ODD
        value ^= value >> np.uint64(29)
        value *= _TURN
        value |= np.uint64(1)
        return value

    def find(self, hashes: Column) -> Column:
        """The flow keys with these hashes; -1 where there is none."""
        slot = (hashes >> np.uint64(64 - self._bits)).astype(np.int64)
        held = self._slot_hash[slot]
        ids = self._slot_key[slot].astype(np.int64)
        wrong = np.flatnonzero(held != hashes)
        while len(wrong):
            there = held[wrong] != 0
            ids[wrong[~there]] = -1
            wrong = wrong[there]
            slot[wrong] = (slot[wrong] + 1) & ((1 << self._bits) - 1)
            held[wrong] = self._slot_hash[slot[wrong]]
            ids[wrong] = self._slot_key[slot[wrong]]
            wrong = wrong[held[wrong] != hashes[wrong]]
        return ids

    def _new(self, hashes: Column, ids: Column, fresh: Column, endpoints: Any) -> Column:
        """Make flows of the packets `fresh`; returns the first packet of each, ascending, and completes `ids`."""
        wanted, first, inverse = np.unique(hashes[fresh], return_index=True, return_inverse=True)
        order = np.argsort(first)
        room = MAX_FLOWS - self.count
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        order = order[:room]
        firsts: Column = fresh[first[order]]
        numbers = rank + self.count
        numbers[rank >= room] = -1
        ids[fresh] = numbers[inverse.reshape(-1)]
        self.insert(wanted[order], endpoints(firsts))
        return firsts

    def insert(self, hashes: Column, keys: Column) -> None:
        """Put new flow keys, all different, behind the known ones."""
        start, self.count = self.count, self.count + len(hashes)
        if self.count > len(self.hashes):
            room = max(1024, self.count + self.count // 2)
            for name in ("keys", "hashes", "current"):
                old = getattr(self, name)
                grown = np.zeros((room, *old.shape[1:]), old.dtype)
                grown[: len(old)] = old
                setattr(self, name, grown)
        self.keys[start : self.count] = keys
        self.hashes[start : self.count] = hashes
        if self.count * 4 > 1 << self._bits:
            self._bits = int(self.count * 8).bit_length()
            self._slot_hash = np.zeros(1 << self._bits, np.uint64)
            self._slot_key = np.zeros(1 << self._bits, np.int32)
            start = 0
        self._place(self.hashes[start : self.count], np.arange(start, self.count, dtype=np.int32))

    def _place(self, hashes: Column, numbers: Column) -> None:
        slot = (hashes >> np.uint64(64 - self._bits)).astype(np.int64)
        while len(slot):
            free = self._slot_hash[slot] == 0
            self._slot_hash[slot[free]] = hashes[free]  # of several that want a slot the last has it
            won = free & (self._slot_hash[slot] == hashes)
            self._slot_key[slot[won]] = numbers[won]
            left = ~won
            hashes, numbers = hashes[left], numbers[left]
            slot = (slot[left] + 1) & ((1 << self._bits) - 1)

    # ------------------------------------------------------------ counting

    def _count(self, batch: Batch, ids: Column, firsts: Column) -> Column:
        """`firsts`: the packets that begin new flows."""
        spells = self.spells
        if len(firsts):
            self._begin(batch, firsts, ids[firsts])
        which = self._which_spell(batch, ids, firsts) if self.tcp else ids
        side = which * 2 + batch.direction
        np.add.at(spells.packets, side, 1)
        np.add.at(spells.bytes, side, batch.size)
        np.minimum.at(spells.first, which, batch.time)
        np.maximum.at(spells.last, which, batch.time)
        if self.tcp:
            self._count_tcp(batch, which, side)
        self.packets += len(ids)
        return which

    def _begin(self, batch: Batch, places: Column, ids: Column) -> Column:
        """New spells that begin with these packets."""
        spells = self.spells
        new = spells.add(len(places))
        spells.key[new] = ids
        spells.number[new] = batch.number[places]
        spells.sender[new] = batch.direction[places]
        if batch.flags is not None:
            syn = (batch.flags[places] & (SYN | ACK)) == SYN
            spells.begins_with_syn[new] = syn
            spells.syn_time[new] = batch.time[places]
        self.current[ids] = new
        return new

    def count_fragments(self, found: list[tuple[int, int, int, int]]) -> None:
        """Fragments of known spells: (spell, direction, time, size)."""
        if found:
            which, direction, time, size = np.asarray(found, np.int64).T
            spells = self.spells
            np.add.at(spells.packets, which * 2 + direction, 1)
            np.add.at(spells.bytes, which * 2 + direction, size)
            np.minimum.at(spells.first, which, time)
            np.maximum.at(spells.last, which, time)
            self.packets += len(found)

    def _which_spell(self, batch: Batch, ids: Column, firsts: Column) -> Column:
        assert batch.flags is not None
        is_syn = (batch.flags & (SYN | ACK)) == SYN
        is_syn[firsts] = False
        starts = np.flatnonzero(is_syn)[: max(0, MAX_SPELLS - self.spells.count)]
        if not len(starts):
            return self.current[ids]
        keys = ids[starts]
        before = self.current[ids]
        new = self._begin(batch, starts, keys)
        # Of the flows with a SYN here: their packets, flow by flow, each in the spell of the latest SYN before it.
        touched = np.zeros(self.count, bool)
        touched[keys] = True
        places = np.flatnonzero(touched[ids])
        places = places[np.argsort(ids[places], kind="stable")]
        opens = np.full(len(ids), -1, np.int64)
        opens[starts] = new
        value = np.where(opens[places] >= 0, opens[places], before[places])
        mark = opens[places] >= 0
        mark[1:] |= ids[places[1:]] != ids[places[:-1]]
        mark[:1] = True
        latest = np.maximum.accumulate(np.where(mark, np.arange(len(places)), 0))
        which = before
        which[places] = value[latest]
        return which

    def _count_tcp(self, batch: Batch, which: Column, side: Column) -> None:
        spells, flags = self.spells, batch.flags
        assert flags is not None
        news = np.flatnonzero(flags & ~spells.flags[side])
        if len(news):
            np.bitwise_or.at(spells.flags, side[news], flags[news])
        self._bases(batch, side)
        self._handshakes(batch, which, side)

    def _bases(self, batch: Batch, side: Column) -> None:
        """The number with which each side began, as Wireshark takes it: a SYN's, or that of the first byte less 1."""
        spells, flags = self.spells, batch.flags
        assert flags is not None
        own = np.flatnonzero(spells.base[side] < 0)
        other = np.flatnonzero((spells.base[side ^ 1] < 0) & (flags & ACK != 0))
        if not len(own) and not len(other):
            return
        sequence, _ = batch.sequences(own)
        _, acknowledgment = batch.sequences(other)
        started = np.where(flags[own] & SYN, sequence, (sequence - 1) & 0xFFFFFFFF)
        sides = np.concatenate([side[own], side[other] ^ 1])
        values = np.concatenate([started, (acknowledgment - 1) & 0xFFFFFFFF])
        order = np.argsort(np.concatenate([own, other]), kind="stable")[::-1]  # the first is written last and stays
        spells.base[sides[order]] = values[order]

    def _handshakes(self, batch: Batch, which: Column, side: Column) -> None:
        spells, flags = self.spells, batch.flags
        assert flags is not None
        answers = np.flatnonzero((flags & (SYN | ACK)) == (SYN | ACK))
        answers = answers[spells.answer_number[which[answers]] == 0][::-1]
        if len(answers):
            mine = which[answers]
            spells.answer_number[mine] = batch.number[answers]
            spells.answer_time[mine] = batch.time[answers]
            spells.answer_sender[mine] = batch.direction[answers]
        is_open = spells.first_ack_number[side] == 0
        is_open |= (spells.ack_number[side] == 0) & (spells.answer_number[which] > 0)
        acks = np.flatnonzero(is_open)
        acks = acks[(flags[acks] & (SYN | ACK | RST)) == ACK][::-1]
        if not len(acks):
            return
        firsts = acks[spells.first_ack_number[side[acks]] == 0]
        spells.first_ack_number[side[firsts]] = batch.number[firsts]
        spells.first_ack_time[side[firsts]] = batch.time[firsts]
        answer = spells.answer_number[which[acks]]
        acks = acks[(answer > 0) & (batch.number[acks] > answer) & (spells.ack_number[side[acks]] == 0)]
        spells.ack_number[side[acks]] = batch.number[acks]
        spells.ack_time[side[acks]] = batch.time[acks]


_ODD = np.uint64(0x9E3779B97F4A7C15)
_TURN = np.uint64(0xD6E8FEB86659FD93)


def new_secret() -> tuple[int, int]:
    """What the hashes of one run are mixed with, so that nobody can prepare flows that meet."""
    return secrets.randbits(64), secrets.randbits(64)
