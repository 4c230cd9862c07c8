"""IP fragments find the TCP or UDP flow of their packet's first fragment, which alone has ports.

A fragment behind the first belongs to the latest first fragment before it with the same addresses, identification
and protocol; one that comes before any such belongs to the first that comes after. Only fragments are looked at one
by one. What is remembered is bounded; a fragment whose first one was never seen stays without a flow.
"""

from typing import Any

import numpy as np

from packetlab.analysis.cells import Cells
from packetlab.analysis.columns import Scan, Visit
from packetlab.analysis.plan import Column
from packetlab.capture.index import Packets
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import Fragment

MAX_REMEMBERED = 1 << 16
"""Packets whose first fragment is remembered, and fragments that wait for one."""

CLASSES = (IPv4, Fragment)

Datagram = tuple[bytes, int, int]
"""Both addresses, identification, protocol."""
Waiting = tuple[int, int]
"""Time and size of a fragment."""


class Fragments:
    """What is known of fragmented packets; spells and directions are those of `FlowCounts`."""

    def __init__(self) -> None:
        self.latest: dict[Datagram, tuple[int, int]] = {}
        """The spell, and the direction, of the latest first fragment."""
        self.earliest: dict[Datagram, tuple[int, int]] = {}
        """Of the first one, where fragments had come before it."""
        self.early: dict[Datagram, list[Waiting]] = {}
        self.waiting = 0
        self.lost = 0
        """Fragments without a flow."""

    def read(
        self, found: list[tuple[int, Datagram, bool]], packets: Packets, first_spells: dict[int, tuple[int, int]]
    ) -> list[tuple[int, int, int, int]]:
        """Of a piece's fragments, those that belong to known spells: (spell, direction, time, size).

        `first_spells`: by row, the spell and the direction of first fragments.
        """
        counted = []
        for row, datagram, is_first in found:
            if is_first:
                spell = first_spells.get(row)
                if spell is not None:
                    self._remember(datagram, spell)
            elif (known := self.latest.get(datagram)) is not None:
                counted.append((*known, int(packets.time[row]), int(packets.wire[row])))
            else:
                self._wait(datagram, [(int(packets.time[row]), int(packets.wire[row]))])
        return counted

    def _remember(self, datagram: Datagram, spell: tuple[int, int]) -> None:
        self.latest.pop(datagram, None)
        self.latest[datagram] = spell
        if len(self.latest) > MAX_REMEMBERED:
            del self.latest[next(iter(self.latest))]
        if datagram in self.early:
            self.earliest.setdefault(datagram, spell)

    def _wait(self, datagram: Datagram, fragments: list[Waiting]) -> None:
        if self.waiting + len(fragments) > MAX_REMEMBERED:
            self.lost += len(fragments)
            return
        self.waiting += len(fragments)
        self.early.setdefault(datagram, []).extend(fragments)

    def append(self, other: "Fragments", spells: Column) -> list[tuple[int, int, int, int]]:
        """Take over what another has found behind this; `spells` says which of ours its spells are."""
        counted = []
        ours = {name: {datagram: (int(spells[spell]), direction) for datagram, (spell, direction) in known.items()}
                for name, known in (("latest", other.latest), ("earliest", other.earliest))}  # fmt: skip
        self.lost += other.lost
        for datagram, fragments in other.early.items():
            known = self.latest.get(datagram)
            if known is not None:
                counted += [(*known, time, size) for time, size in fragments]
                continue
            self._wait(datagram, fragments)
            if datagram in ours["earliest"]:
                self.earliest.setdefault(datagram, ours["earliest"][datagram])
        for datagram, spell in ours["latest"].items():
            self._remember(datagram, spell)
        return counted

    def finish(self) -> list[tuple[int, int, int, int]]:
        """The fragments that came before their first one."""
        counted = []
        for datagram, fragments in self.early.items():
            known = self.earliest.get(datagram)
            if known is None:
                self.lost += len(fragments)
            else:
                counted += [(*known, time, size) for time, size in fragments]
        self.early.clear()
        self.earliest.clear()
        return counted


def fragments_in(scan: Scan, chosen: Column | None, protocol: int) -> list[tuple[int, Datagram, bool]]:
    """The fragments of that protocol: (row, datagram, whether it is the first), in the order of the capture."""
    found = []
    for visit in scan.visits:
        if visit.path[-1] in CLASSES and visit.network:
            found += _fragments(visit, scan.cells, scan.chunk.packets.captured, chosen, protocol)
    return sorted(found, key=lambda one: one[0])


def _fragments(
    visit: Visit, cells: Cells, captured: Column, chosen: Column | None, protocol: int
) -> list[tuple[int, Datagram, bool]]:
    assert visit.network is not None
    cls, at = visit.path[-1], visit.at
    if cls is IPv4:
        words = cells.words(visit.rows, at + 6, 2)
        is_fragment = words & np.uint16(0x3FFF) != 0  # more fragments, or an offset
    else:
        words = cells.words(visit.rows, at + 2, 2)
        is_fragment = words & np.uint16(0xFFF9) != 0
    is_fragment &= captured[visit.rows] >= at + (20 if cls is IPv4 else 8)
    if chosen is not None:
        is_fragment &= chosen[visit.rows]
    if not is_fragment.any():
        return []
    some, offsets = visit.of(is_fragment), words[is_fragment]
    assert some.network is not None
    at, network = some.at, some.network[1]
    kinds = cells.words(some.rows, at + (9 if cls is IPv4 else 0), 1)
    size, place, number = (8, 12, 4) if cls is IPv4 else (32, 8, 4)
    numbers = cells.words(some.rows, at + number, 2 if cls is IPv4 else 4)
    addresses = cells.octets(some.rows, network + place, size)
    offset_bits = 0x1FFF if cls is IPv4 else 0xFFF8
    found: list[Any] = []
    for index in np.flatnonzero(kinds == protocol).tolist():
        datagram = (addresses[index].tobytes(), int(numbers[index]), protocol)
        found.append((int(some.rows[index]), datagram, not int(offsets[index]) & offset_bits))
    return found
