"""Any declared field of any protocol as columns, read from a whole chunk of a capture at a time.

Packets are grouped by what they are made of: all that begin with Ethernet are one group; their EtherTypes split
it into groups for IPv4, ARP, ...; each group is read with the offsets of the class's own declaration. No Python
runs per packet on common traffic. Whatever is not plain (cut headers, impossible lengths, headers without a
plan, quoted packets) is read one by one by `decapsulate`, so that both ways give the same answer; a test holds
them against each other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from packetlab.analysis.cells import At, Cells, distinct, one_number, taken
from packetlab.analysis.places import places_in
from packetlab.analysis.plan import Column, Plan, plan_of
from packetlab.analysis.reach import reach_of
from packetlab.capture.index import Chunk
from packetlab.model.fault import CUT
from packetlab.model.fields import FieldSpec, FixedBytes, Length, UInt
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate, first_header

MAX_DEPTH = 64
_WORTH_SPLITTING = 1024
"""Rows of a group that are worth being read in two groups."""


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A field of a header class (and of the members of its family)."""

    header: type[Header]
    spec: FieldSpec

    @property
    def name(self) -> str:
        return f"{self.header.name}.{self.spec.name}"


@dataclass(slots=True)
class Found:
    """Occurrences of one field: row numbers within the chunk (a row may stand there twice) and their values."""

    rows: Column
    values: Column
    """Unsigned integers, or (rows, bytes) of uint8 for addresses; objects for fields of variable length."""


@dataclass(slots=True)
class Places:
    """Where headers of one class lie: a row per header, offsets from the beginning of its packet."""

    rows: Column
    at: Column
    body: Column
    """Where the header ends."""
    stop: Column
    """Where its body ends in the captured bytes."""
    claimed: Column
    """Where the body ended on the wire, by the length field nearest around it; beyond `stop` in a cut packet."""


@dataclass(slots=True)
class Visit:
    """Headers of one class in packets of one make-up."""

    path: tuple[type[Header], ...]
    """The classes around it, outermost first, and its own."""
    rows: Column
    at: At
    network: tuple[type[Header], At] | None
    """The IP header nearest around it (or itself), and where that lies."""

    def of(self, keep: Column) -> "Visit":
        """The chosen rows (a mask)."""
        network = self.network and (self.network[0], taken(self.network[1], keep))
        return Visit(self.path, self.rows[keep], taken(self.at, keep), network)


@dataclass(slots=True)
class _Group:
    cls: type[Header]
    rows: Column
    at: At
    stop: Column
    claimed: Column
    path: tuple[type[Header], ...] = ()
    """What is around it."""
    network: tuple[type[Header], At] | None = None

    def of(self, keep: Column) -> "_Group":
        """The chosen rows (a mask)."""
        if keep.all():
            return self
        keep = np.flatnonzero(keep)
        network = self.network and (self.network[0], taken(self.network[1], keep))
        rows, at, stop = self.rows[keep], taken(self.at, keep), self.stop[keep]
        claimed = stop if self.claimed is self.stop else self.claimed[keep]
        return _Group(self.cls, rows, at, stop, claimed, self.path, network)


class Scan:
    """One pass over a chunk: which rows hold which headers, and the values of the fields that were asked for."""

    def __init__(
        self,
        chunk: Chunk,
        wanted: Iterable[FieldOf],
        present: Iterable[type[Header]] = (),
        *,
        placed: Iterable[type[Header]] = (),
        visited: Iterable[type[Header]] = (),
        quoted: bool = True,
    ) -> None:
        """`quoted`: also look into packets that ICMP errors quote. `placed`: classes that `places` is asked for.

        `visited`: classes whose headers `visits` lists (never those in quoted packets).
        """
        self.chunk = chunk
        self.quoted = quoted
        self.wanted = tuple(wanted)
        self.classes = tuple(present)
        self._found: dict[FieldOf, list[Found]] = {field: [] for field in self.wanted}
        self._present: dict[type[Header], list[Column]] = {cls: [] for cls in self.classes}
        self._places: dict[type[Header], list[Places]] = {cls: [] for cls in placed}
        self.visits: list[Visit] = []
        """Of the classes in `visited`, outer headers before inner ones."""
        self.cells = Cells(chunk)
        self._slow = np.zeros(len(chunk), bool)
        self._visited = tuple(visited)
        targets = {field.header for field in self.wanted} | set(self.classes) | set(self._places)
        self._read = tuple(targets)
        self._reach = reach_of(frozenset(targets | set(self._visited)), quoted, len(Header.subclasses))
        self._run()

    # ------------------------------------------------------------ answers

    def occurrences(self, field: FieldOf) -> list[Found]:
        """All occurrences of a field, outer headers first."""
        return self._found[field]

    def first(self, field: FieldOf) -> tuple[Column, Column]:
        """(valid, values): per row, whether the field occurs, and its first value (0 where it does not)."""
        valid = np.zeros(len(self.chunk), bool)
        values: Column | None = None
        for found in reversed(self._found[field]):  # the outermost is written last and stays
            if values is None:
                values = np.zeros((len(self.chunk), *found.values.shape[1:]), found.values.dtype)
            elif found.values.dtype.itemsize > values.dtype.itemsize:
                values = values.astype(found.values.dtype)
            values[found.rows[::-1]] = found.values[::-1]
            valid[found.rows] = True
        return valid, values if values is not None else np.zeros(len(self.chunk), np.uint32)

    def present(self, cls: type[Header]) -> Column:
        """Per row, whether it holds a header of the class."""
        mask = np.zeros(len(self.chunk), bool)
        for rows in self._present[cls]:
            mask[rows] = True
        return mask

    def places(self, cls: type[Header]) -> list[Places]:
        """Where the headers of a class in `placed` lie, outer ones first."""
        return self._places[cls]

    @property
    def slow_rows(self) -> int:
        """How many packets were read one by one."""
        return int(self._slow.sum())

    # ------------------------------------------------------------ the walk

    def _run(self) -> None:
        packets = self.chunk.packets
        groups = []
        for link_type in distinct(packets.link_type):
            cls = first_header(link_type)
            if cls is not None:
                rows = np.flatnonzero(packets.link_type == link_type)
                have, sent = packets.captured[rows].astype(np.int64), packets.wire[rows].astype(np.int64)
                cut = (have < sent).any()
                groups.append(_Group(cls, rows, 0, have, np.maximum(have, sent) if cut else have))
        for _ in range(MAX_DEPTH):
            groups = [inner for group in groups for inner in self._step(group)]
            if not groups:
                break
        else:
            for group in groups:
                self._slow[group.rows] = True
        self._one_by_one()

    def _step(self, group: _Group) -> Iterator[_Group]:
        """Read one header of a group, and yield the groups of what is inside."""
        cls = group.cls
        if not cls.fields and cls.variant is not None:
            yield from self._by_first_byte(group)
            return
        if not self._reach.leads(cls) or not len(group.rows):
            return
        path = (*group.path, cls)
        if cls.pseudo:
            group.network = (cls, group.at)
        is_visited = any(issubclass(cls, one) for one in self._visited)
        if is_visited and self._reach.ends_at(cls) and not self._is_read(cls):
            self.visits.append(Visit(path, group.rows, group.at, group.network))  # nothing of it matters but that it is
            return
        plan = plan_of(cls)
        if plan is None:
            self._slow[group.rows] = True
            return
        enough = group.stop - group.at >= plan.size
        group = self._without(group, enough)
        if not len(group.rows):
            return
        if cls.family and cls.family_base is cls and cls.family in plan.places:
            members = yield from self._members(group, plan)
            if members.any():
                group = group.of(~members)
        columns: dict[str, Column] = {}

        def column(name: str) -> Column:
            if name not in columns:
                columns[name] = self.cells.field(plan.places[name], group.rows, group.at)
            return columns[name]

        if plan.header_length is not None and isinstance(group.at, int) and len(group.rows) >= _WORTH_SPLITTING:
            usual = _usual(column(plan.header_length.name))
            if usual is not None:  # the others apart, so that what follows lies in one place for most
                yield from self._step(group.of(usual))
                yield from self._step(group.of(~usual))
                return
        sound = np.ones(len(group.rows), bool)
        for spec in cls.fields:
            if spec.expect is not None and spec.name in plan.places:
                sound &= column(spec.name) == spec.expect
        body: At = group.at + plan.size
        if plan.header_length is not None:
            body = group.at + _bytes(plan.header_length, column(plan.header_length.name), plan, body - group.at)
            sound &= body >= group.at + plan.size
            # A length that says more than there is counts for what there is.
            body = one_number(np.minimum(body, group.stop))
        stop, claimed = group.stop, group.claimed
        if plan.body_length is not None:
            fill = plan.body_length.fill
            assert isinstance(fill, Length)
            counted = _bytes(plan.body_length, column(plan.body_length.name), plan, 0)
            end = (group.at if fill.counts == "header+body" else body) + counted
            if fill.zero_is_rest:
                end = np.where(column(plan.body_length.name) == 0, group.claimed, end)
            sound &= end >= body
            same = claimed is stop
            stop = np.minimum(end, stop)
            claimed = stop if same else np.minimum(end, claimed)
        if not sound.all():
            self._slow[group.rows[~sound]] = True
            columns = {}
            body, claimed, stop = taken(body, sound), claimed[sound], stop[sound]
            group = group.of(sound)
        if not self._note(group, plan, column):
            return
        for wanted, found in self._places.items():
            if issubclass(cls, wanted):
                found.append(Places(group.rows, self._each(group, group.at), self._each(group, body), stop, claimed))
        if is_visited:
            self.visits.append(Visit(path, group.rows, group.at, group.network))
        yield from self._inside(group, plan, column, body, stop, claimed)

    def _by_first_byte(self, group: _Group) -> Iterator[_Group]:
        """A class without a field of its own (RawIP) hands all it meets over, by the first byte."""
        assert group.cls.variant is not None
        firsts = self.cells.words(group.rows, group.at, 1)
        there = group.at < group.stop
        for first in distinct(firsts[there]):
            inner = group.cls.variant(bytes([first]), 0, 1)
            if inner is not None:
                yield replace(group.of((firsts == first) & there), cls=inner)

    def _is_read(self, cls: type[Header]) -> bool:
        """Whether more of the class is asked than that it is there."""
        return any(issubclass(cls, one) or issubclass(one, cls) for one in self._read)

    def _each(self, group: _Group, at: At) -> Column:
        return np.full(len(group.rows), at, np.int64) if isinstance(at, int) else at

    def _without(self, group: _Group, keep: Column) -> _Group:
        if keep.all():
            return group
        self._slow[group.rows[~keep]] = True
        return group.of(keep)

    def _members(self, group: _Group, plan: Plan) -> Any:
        keys = self.cells.field(plan.places[group.cls.family], group.rows, group.at)
        taken = np.zeros(len(group.rows), bool)
        for key in distinct(keys):
            member = group.cls.members.get(key)
            if member is None or member is group.cls:
                continue
            mine = keys == key
            taken |= mine
            yield replace(group.of(mine), cls=member)
        return taken

    def _note(self, group: _Group, plan: Plan, column: Any) -> bool:
        """Keep what was asked for; False where this class must be read one by one after all."""
        for cls in self.classes:
            if issubclass(group.cls, cls):
                self._present[cls].append(group.rows)
        for field in self.wanted:
            if not issubclass(group.cls, field.header):
                continue
            if field.spec.name not in plan.places:
                self._slow[group.rows] = True
                return False
            self._found[field].append(Found(group.rows, column(field.spec.name)))
        if not plan.is_whole and self._reach.leads_on(group.cls):
            self._slow[group.rows] = True
            return False
        return True

    def _inside(
        self, group: _Group, plan: Plan, column: Any, body: At, stop: Column, claimed: Column
    ) -> Iterator[_Group]:
        cls = group.cls
        path = (*group.path, cls)
        around = _Group(cls, group.rows, body, stop, claimed, path, group.network)

        def inner_group(inner: type[Header], mine: Column) -> _Group:
            return replace(around.of(mine), cls=inner)

        open_rows = body < stop
        if isinstance(cls.opaque, str):
            open_rows &= column(cls.opaque) == 0
        if cls.body is not None:
            yield inner_group(cls.body, open_rows)
            return
        left, refused = open_rows.copy(), np.zeros(len(open_rows), bool)
        for name in plan.next_fields:
            keys = column(name)
            for key in distinct(keys[left]):
                inner = cls.table.get(key)
                if inner is None:
                    continue
                mine = left & (keys == key)
                left &= ~mine
                if cls.next_by and inner.accepts is not None:
                    looks = self._looks_like(inner, around, mine)
                    refused |= mine & ~looks
                    mine = looks
                    if self._reach.leads(inner):
                        self._slow[group.rows[mine]] = True  # whether the bytes are right is asked packet by packet
                elif self._reach.leads(inner):
                    yield inner_group(inner, mine)
        if cls.variant is not None and left.any():
            self._slow[group.rows[left]] = True
        left |= refused
        for guess in cls.guesses if cls.next_by else ():
            if self._reach.leads(guess) and left.any():
                self._slow[group.rows[self._looks_like(guess, around, left)]] = True

    def _looks_like(self, inner: type[Header], around: _Group, mine: Column) -> Column:
        """Those of the chosen rows whose body may be of a class that looks at the bytes, by their first two."""
        starts: tuple[bytes, ...] = getattr(inner.accepts, "starts", ())
        places = np.flatnonzero(mine)
        if not starts or not len(places):
            return mine
        words = self.cells.words(around.rows[places], taken(around.at, places), 2)
        known = np.isin(words, [int.from_bytes(start[:2], "big") for start in starts])
        looks = np.zeros(len(mine), bool)
        looks[places[known]] = True
        return looks

    # ------------------------------------------------------------ packets that are not plain

    def _one_by_one(self) -> None:
        rows = np.flatnonzero(self._slow)
        if not len(rows):
            return
        for founds in self._found.values():
            for found in founds:
                keep = ~self._slow[found.rows]
                if not keep.all():
                    found.rows, found.values = found.rows[keep], found.values[keep]
        for cls, parts in self._present.items():
            self._present[cls] = [part[~self._slow[part]] for part in parts]
        for cls, places in self._places.items():
            self._places[cls] = [_kept(place, ~self._slow[place.rows]) for place in places]
        values: dict[FieldOf, list[tuple[int, Any]]] = {field: [] for field in self.wanted}
        where: dict[type[Header], list[tuple[int, int, int, int, int]]] = {cls: [] for cls in self._places}
        present: dict[type[Header], list[int]] = {cls: [] for cls in self.classes}
        packets = self.chunk.packets
        self.visits = [one.of(~self._slow[one.rows]) for one in self.visits]
        visits: dict[tuple[type[Header], ...], list[tuple[int, int, int]]] = {}
        for row in rows.tolist():
            packet = decapsulate(self.chunk.bytes_of(row), int(packets.link_type[row]))
            headers = [header for header, _ in packet.walk()] if self.quoted else packet.layers
            for cls, found_places in where.items():
                found_places.extend((row, *place) for place in places_in(packet, cls, int(packets.wire[row])))
            if self._visited:
                self._visit(packet, row, visits)
            for header in headers:
                for cls in self.classes:
                    if isinstance(header, cls):
                        present[cls].append(row)
                for field in self.wanted:
                    if isinstance(header, field.header):
                        value = getattr(header, field.spec.name)
                        if value is not CUT and (field.spec.when is None or field.spec.when(header)):
                            values[field].append((row, value))
        for field, pairs in values.items():
            if pairs:
                self._found[field].append(_as_columns(field.spec, pairs))
        for cls, found_places in where.items():
            if found_places:
                self._places[cls].append(Places(*np.asarray(found_places, np.int64).T))
        for cls, rows_of in present.items():
            self._present[cls].append(np.asarray(rows_of, np.int64))
        for path, found_rows in sorted(visits.items(), key=lambda item: len(item[0])):
            columns = np.asarray(found_rows, np.int64).T
            around = next((cls for cls in reversed(path) if cls.pseudo), None)
            self.visits.append(Visit(path, columns[0], columns[1], (around, columns[2]) if around else None))

    def _visit(
        self, packet: Packet, row: int, visits: dict[tuple[type[Header], ...], list[tuple[int, int, int]]]
    ) -> None:
        path: tuple[type[Header], ...] = ()
        network = 0
        for header, (at, _, _) in zip(packet.layers, packet.bounds(), strict=True):
            path = (*path, type(header))
            if header.pseudo:
                network = at
            if isinstance(header, self._visited):
                visits.setdefault(path, []).append((row, at, network))


def _usual(lengths: Column) -> Column | None:
    """Which rows have the most frequent header length; None where all have it, or fewer than half."""
    if (lengths == lengths[0]).all():
        return None
    usual: Column = lengths == np.bincount(lengths).argmax()
    return usual if 2 * np.count_nonzero(usual) >= len(lengths) else None


def _kept(places: Places, keep: Column) -> Places:
    if keep.all():
        return places
    return Places(places.rows[keep], places.at[keep], places.body[keep], places.stop[keep], places.claimed[keep])


def _as_columns(spec: FieldSpec, pairs: list[tuple[int, Any]]) -> Found:
    rows = np.asarray([row for row, _ in pairs], np.int64)
    if isinstance(spec.kind, FixedBytes):
        data = b"".join(value for _, value in pairs)
        return Found(rows, np.frombuffer(data, np.uint8).reshape(len(pairs), spec.kind.size))
    if isinstance(spec.kind, UInt):
        kind = np.uint64 if spec.kind.bits > 32 else np.uint32
        return Found(rows, np.asarray([value for _, value in pairs], kind))
    values = np.empty(len(pairs), object)
    values[:] = [value for _, value in pairs]
    return Found(rows, values)


def _bytes(spec: FieldSpec, raw: Column, plan: Plan, up_to: Any) -> Column:
    """A length field in bytes; one that counts what follows it gets the bytes up to there added."""
    fill = spec.fill
    assert isinstance(fill, Length)
    counted = raw.astype(np.int64) * fill.unit + fill.plus
    if fill.counts == "after":
        place = plan.places[spec.name]
        counted = counted + place.byte + place.size
    return np.where(raw == 0, up_to, counted) if fill.zero_is_rest and fill.counts != "header+body" else counted
