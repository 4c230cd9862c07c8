"""The index of pcapng files: stretches of blocks as columns (see index.py)."""

import math
import struct
from typing import Any

import numpy as np

from packetlab.capture import pcapng
from packetlab.capture.damage import Damage
from packetlab.capture.index import Column, Packets, joined
from packetlab.capture.lanes import Pace, Positions, follow, gather
from packetlab.capture.options import PACKET_FLAGS
from packetlab.capture.sections import LATEST, Interface

_LEAST_SLICE, _LARGEST_SLICE = 1 << 13, 1 << 18
_LOOK = 1 << 13
_NEVER = 1 << 62


class PcapngIndexer:
    """Takes turns with a BlockWalk: `stretch` follows what is plainly sound, `step` settles the rest."""

    def __init__(self, walk: pcapng.BlockWalk, state: pcapng.SectionState) -> None:
        self.walk = walk
        self.state = state
        self.limit: int | None = None
        self.interfaces_changed = False
        self._any_packet = False
        self._pace = Pace()
        self._mean = 512

    @property
    def order(self) -> str:
        """The byte order of the section."""
        return self.walk.order

    def skip_to(self, offset: int) -> None:
        """Takes in what stands before the first packet, then goes on at `offset`."""
        walk = self.walk
        while walk.position < offset:
            block = walk.step()
            if block is None or block[1] in pcapng.PACKETS:
                break
            kinds, lengths = np.array([block[1]]), np.array([block[2]])
            if block[2]:
                self._columns(np.array([block[0]]), kinds, lengths)
            else:
                self.state.take(block[1], block[0], walk.lost_body, walk.order)
        self._any_packet = True
        walk.window.skip_to(offset)
        walk.position = offset

    def step(self) -> tuple[bool, Packets | None]:
        """(False, None) at the end of the file; else True and the packet in the next block, if it is one."""
        block = self.walk.step()
        if block is None:
            return False, None
        offset, kind, length = block
        if not length:
            self.state.take(kind, offset, self.walk.lost_body, self.walk.order)
            self.interfaces_changed = True
            return True, None
        if kind not in pcapng.PACKETS:
            self._take(kind, offset, length)
            return True, None
        return True, self._columns(np.array([offset]), np.array([kind]), np.array([length]))

    def stretch(self) -> Packets:
        """The packets in the plainly sound blocks from here on; the walk moves behind those blocks."""
        walk, window = self.walk, self.walk.window
        data = np.frombuffer(window.buf, np.uint8)
        start = walk.position - window.base
        reach = min(start + self._pace.reach(), len(data) - 11)
        if self.limit is not None:
            reach = min(reach, self.limit - window.base)
        if reach <= start or start + window.base == 0:
            return joined([])
        positions = self._follow(data, start, reach)
        words = gather(data, 8)[positions].view(walk.order + "u4").reshape(-1, 2).astype(np.int64)
        kinds, lengths = words[:, 0], words[:, 1]
        extents = lengths + 3 & ~3
        bad = (lengths < 12) | (kinds == pcapng.SECTION)
        is_packet = np.isin(kinds, pcapng.PACKETS)
        bad |= lengths > np.where(is_packet, pcapng.MOST_PACKET_BLOCK, pcapng.MOST_BLOCK)
        bad |= positions + extents > len(data)
        trailers = gather(data, 4)[np.where(bad, 0, positions + extents - 4)].view(walk.order + "u4")
        bad |= trailers != lengths
        count = int(bad.argmax()) if bad.any() else len(positions)
        self._pace.ran(count, count == len(positions))
        if not count:
            return joined([])
        last = int(positions[count - 1] + extents[count - 1])
        self._mean = max(16, (last - start) // count)
        walk.position = window.base + last
        return self._columns(positions[:count] + window.base, kinds[:count], extents[:count])

    # ------------------------------------------------------------ following blocks

    def _follow(self, data: Column, start: int, reach: int) -> Positions:
        view, kind = gather(data, 4, 4), self.walk.order + "u4"
        unpack = struct.Struct(self.walk.order + "I").unpack_from

        def advance(positions: Positions) -> Positions:
            lengths: Positions = view[positions].view(kind).astype(np.int64)
            lengths += 3
            lengths &= ~3
            np.maximum(lengths, 12, out=lengths)
            lengths += positions
            return lengths

        def advance_one(position: int) -> int:
            return int(position + max(12, unpack(data.data, position + 4)[0] + 3 & ~3))

        return follow(self._starts(data, start, reach), reach, advance, advance_one)

    def _starts(self, data: Column, start: int, reach: int) -> Positions:
        """`start`, and in each slice behind it the first place that looks like a packet block."""
        length = min(max(math.isqrt((reach - start) * self._mean), _LEAST_SLICE), _LARGEST_SLICE)  # see index_pcap
        found = [start]
        mark = struct.pack(self.walk.order + "I", pcapng.PACKET)
        for slice_start in range(start + length, reach, length):
            text = data[slice_start : slice_start + _LOOK].tobytes()
            at = text.find(mark)
            while at >= 0:
                if self._plausible(data, slice_start + at, reach):
                    found.append(slice_start + at)
                    break
                at = text.find(mark, at + 1)
        return np.array(found, np.int64)

    def _plausible(self, data: Column, position: int, reach: int) -> bool:
        if position + 12 > reach:
            return False
        (length,) = struct.unpack_from(self.walk.order + "I", data.data, position + 4)
        behind = position + (length + 3 & ~3)
        if length < 32 or behind > len(data):
            return False
        return bool(struct.unpack_from(self.walk.order + "I", data.data, behind - 4)[0] == length)

    # ------------------------------------------------------------ what is in the blocks

    def _columns(self, offsets: Column, kinds: Column, extents: Column) -> Packets:
        """The packets in these sound blocks; the others are taken in, in their order."""
        window = self.walk.window
        parts: list[Packets] = []
        found: list[Damage] = []
        state = self.state
        noted = len(state.damage)
        start = 0
        others = np.flatnonzero(~np.isin(kinds, pcapng.PACKETS))
        state.order = self.walk.order
        for other in [*others.tolist(), len(kinds)]:
            is_end = other == len(kinds)
            if not is_end and kinds[other] not in (pcapng.INTERFACE, pcapng.SECTION):
                self._take(int(kinds[other]), int(offsets[other]), int(extents[other]))
                continue  # says nothing about packets
            rows = slice(start, other)
            part_kinds = kinds[rows]
            for kind in pcapng.PACKETS:
                chosen = np.flatnonzero(part_kinds == kind)
                if len(chosen):
                    part, damage = self._packets(kind, offsets[rows][chosen], extents[rows][chosen])
                    parts.append(part)
                    found += damage
                    self._any_packet = True
            start = other + 1
            if not is_end:
                self._take(int(kinds[other]), int(offsets[other]), int(extents[other]))
        if found or len(state.damage) > noted:
            _merge_damage(state.damage, noted, found)
        packets = joined(parts)
        if len(parts) > 1 and (np.diff(packets.record) < 0).any():
            order = np.argsort(packets.record, kind="stable")
            packets = Packets(**{name: column[order] for name, column in packets.columns().items()})
        assert not len(packets) or packets.record[0] >= window.base
        return packets

    def _take(self, kind: int, offset: int, extent: int) -> None:
        if kind in (pcapng.INTERFACE, pcapng.SECTION) and self._any_packet:
            self.interfaces_changed = True
        body = self.walk.window.peek(offset + 8, extent - 12)
        self.state.take(kind, offset, body, self.walk.order)

    def _packets(self, kind: int, offsets: Column, extents: Column) -> tuple[Packets, list[Damage]]:
        """The packets of one kind of block, all with the same descriptions of interfaces before them."""
        window, order = self.walk.window, self.walk.order
        data = np.frombuffer(window.buf, np.uint8)
        damage: list[Damage] = []
        simple = kind == pcapng.SIMPLE_PACKET
        fits = extents >= (16 if simple else 32)
        for row in np.flatnonzero(~fits).tolist():
            damage.append(Damage(int(offsets[row]), "a packet block is too short", int(extents[row]), 1))
        offsets, extents = offsets[fits].astype(np.int64), extents[fits].astype(np.int64)
        relative = offsets - window.base
        if simple:
            wire = gather(data, 4, 8)[relative].view(order + "u4").astype(np.int64)
            which = np.zeros(len(wire), np.int64)
            units = np.zeros(len(wire), np.uint64)
            captured = wire
        else:
            words = gather(data, 20, 8)[relative].view(order + "u4").reshape(-1, 5)
            which, captured, wire = words[:, 0].astype(np.int64), words[:, 3].astype(np.int64), words[:, 4]
            if kind == pcapng.OLD_PACKET:
                which = gather(data, 2, 8)[relative].view(order + "u2").astype(np.int64)
            units = words[:, 1].astype(np.uint64) << np.uint64(32) | words[:, 2]
        good = self._described(which, offsets, extents, damage)
        table = self.state.interfaces
        if simple:
            snap = (table[0].snap_length if table else 0) or _NEVER
            captured = np.minimum(np.minimum(wire, snap), extents - 16)
        else:
            for row in np.flatnonzero(good & (captured > extents - 32)).tolist():
                what = f"a packet of {int(captured[row])} bytes does not fit into its block"
                damage.append(Damage(int(offsets[row]), what, int(extents[row]), 1))
                good[row] = False
        if not good.all():
            offsets, extents, which, captured = offsets[good], extents[good], which[good], captured[good]
            wire, units = wire[good], units[good]
        direction = np.zeros(len(offsets), np.uint8)
        if not simple:
            self._options(data, offsets, extents, captured, direction, damage)
        rows = len(offsets)
        # Only the interfaces that are met: a hostile file may describe one before each packet.
        present, which = (np.unique(which, return_inverse=True)) if len(table) > 16 else (np.arange(len(table)), which)
        chosen = [table[each] for each in present.tolist()]
        number = np.array([interface.number for interface in chosen], np.int32)
        links = np.array([interface.link_type for interface in chosen], np.uint16)
        packets = Packets(
            offsets,
            offsets + (12 if simple else 28),
            captured.astype(np.uint32),
            wire.astype(np.uint32),
            np.zeros(rows, np.int64) if simple else _times(units, which, chosen),
            links[which],
            number[which],
            direction,
        )
        return packets, damage

    def _described(self, which: Column, offsets: Column, extents: Column, damage: list[Damage]) -> Column:
        """Whether each packet's interface was described (or could be guessed)."""
        good: Column = which < len(self.state.interfaces)
        for row in np.flatnonzero(~good).tolist():
            before = len(self.state.damage)
            interface = self.state.interface_for(int(which[row]), int(offsets[row]), int(extents[row]))
            good[row] = interface is not None
            damage += self.state.damage[before:]
            del self.state.damage[before:]
        return good

    def _options(
        self, data: Column, offsets: Column, extents: Column, captured: Column, direction: Column, damage: list[Damage]
    ) -> None:
        """Reads directions out of the options and notes options that go beyond their block."""
        order, base = self.walk.order, self.walk.window.base
        at = offsets - base + 28 + (captured + 3 & ~3)
        stop = offsets - base + extents - 4
        rows = np.flatnonzero(stop - at >= 4)
        at, stop = at[rows], stop[rows]
        heads, values = gather(data, 4), gather(data, 4, 4)
        seen = np.zeros(len(rows), bool)
        unread: list[tuple[int, int]] = []
        while len(rows):
            head = heads[at].view(order + "u2").reshape(-1, 2).astype(np.int64)
            code, length = head[:, 0], head[:, 1]
            behind = at + 4 + length
            over = (behind > stop) & (code != 0)
            unread += zip(rows[over].tolist(), (stop - at)[over].tolist(), strict=True)
            flags = (code == PACKET_FLAGS) & ~over & ~seen
            # A flags option of another length than 1, 2, 4 or 8 says nothing, but is the first one all the same.
            seen |= flags
            for size in (1, 2, 4, 8):
                chosen = np.flatnonzero(flags & (length == size))
                if len(chosen):
                    byte = 0 if order == "<" else size - 1
                    direction[rows[chosen]] = data[at[chosen] + 4 + byte] & 3
            at = at + 4 + (length + 3 & ~3)
            rest = stop - at
            going = (code != 0) & ~over & (rest >= 4)
            ragged = (code != 0) & ~over & (rest > 0) & (rest < 4)
            unread += zip(rows[ragged].tolist(), rest[ragged].tolist(), strict=True)
            rows, at, stop, seen = rows[going], at[going], stop[going], seen[going]
        del values
        direction[direction == 3] = 0
        for row, lost in unread:
            damage.append(Damage(int(offsets[row]), "a packet's options go beyond its block", int(lost), 0))


def _times(units: Column, which: Column, table: list[Interface]) -> Column:
    """Nanoseconds since the epoch, as Interface.time has them, for times in each interface's units."""
    present = np.unique(which).tolist()
    times = np.empty(len(units), np.int64)
    for number in present:
        interface = table[number]
        rows: Any = slice(None) if len(present) == 1 else which == number
        chosen = units[rows]
        if interface.is_simple and interface.scale:
            most = LATEST // interface.scale
            times[rows] = np.minimum(chosen, np.uint64(most)).astype(np.int64) * interface.scale
            late = chosen > most
            if late.any():
                times[rows] = np.where(late, LATEST, times[rows])
        else:
            times[rows] = [interface.time(each) for each in chosen.tolist()]
    return times


def _merge_damage(damage: Any, noted: int, found: list[Damage]) -> None:
    """Notes `found` and what was noted since, in the order of the file."""
    entries = [*damage[noted:], *found]
    del damage[noted:]
    damage.take(sorted(entries, key=lambda entry: entry.offset))
