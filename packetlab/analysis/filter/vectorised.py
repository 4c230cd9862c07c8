"""Filters over a chunk of a capture, with columns wherever columns can say it."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from packetlab.analysis.columns import FieldOf, Scan
from packetlab.analysis.filter.columnar import (
    Reader,
    classes_needed,
    containing,
    field_of,
    fields_needed,
    states_needed,
)
from packetlab.analysis.filter.compiled import Both, Pair, Present, Subject, Test, leaves
from packetlab.analysis.filter.operands import Prefix
from packetlab.analysis.filter.state import state_columns
from packetlab.analysis.plan import Column
from packetlab.application.domain_name import DomainName
from packetlab.application.http import FieldLines, Line
from packetlab.capture.index import Chunk
from packetlab.model.header import Header
from packetlab.model.packet import decapsulate


def _is_columnar(test: Any) -> bool:
    return isinstance(test, Test) and test.subject.is_plain and test.sign not in ("contains", "matches")


def _subjects(test: Any) -> Iterator[Subject]:
    for leaf in leaves(test):
        if isinstance(leaf, Test | Pair):
            yield leaf.subject
        if isinstance(leaf, Pair):
            yield leaf.right


def plain_fields(test: Any) -> set[FieldOf]:
    """The fields that are read as columns."""
    found = {field_of(source) for leaf in leaves(test) if _is_columnar(leaf) for source in leaf.subject.sources}
    return found.union(*(fields_needed(subject) for subject in _subjects(test)))


def select(test: Any, chunk: Chunk, first_time: int) -> Column:
    """For which packets of the chunk a bound test holds."""
    present: set[type[Header]] = set()
    placed: set[type[Header]] = set()
    for leaf in leaves(test):
        if isinstance(leaf, Present):
            present |= set(leaf.classes) - {Header}
        elif not _is_columnar(leaf):
            for subject in _subjects(leaf):
                one, other = classes_needed(subject)
                present, placed = present | one, placed | other
    for subject in _subjects(test):
        for name in states_needed(subject):
            state_columns(name, chunk)  # whether or not this chunk will be asked, the memory goes on
    scan = Scan(chunk, plain_fields(test), present)
    # Bytes of layers are those of the packet itself; what ICMP errors quote is looked into for fields only.
    inside = Scan(chunk, (), placed=placed, quoted=False) if placed else scan
    return _Selection(chunk, scan, Reader(chunk, scan, first_time, inside), first_time).of(test)


class _Selection:
    def __init__(self, chunk: Chunk, scan: Scan, reader: Reader, first_time: int) -> None:
        self.chunk, self.scan, self.reader, self.first_time = chunk, scan, reader, first_time

    def of(self, test: Any) -> Column:
        if isinstance(test, Both):
            return self.both(test)
        if isinstance(test, Present):
            if test.classes == (Header,):
                return np.ones(len(self.chunk), bool)
            return self.any_present(test.classes)
        if _is_columnar(test):
            return self.columnar(test)
        found = self.pair(test) if isinstance(test, Pair) else self.bytes(test)
        if found is None and isinstance(test, Test) and test.sign not in ("contains", "matches"):
            values = self.reader.values(test.subject)
            found = self.quantified(test.every, *values, self.predicate(test, values[1])) if values else None
        return self.one_by_one(test) if found is None else found

    def quantified(self, every: bool, rows: Column, values: Column, fits: Column) -> Column:
        """Per packet, whether some value fits, or all do."""
        some, fails = np.zeros(len(self.chunk), bool), np.zeros(len(self.chunk), bool)
        some[rows[fits]] = True
        fails[rows[~fits]] = True
        return (some & ~fails) if every else some

    def pair(self, test: Pair) -> Column | None:
        """Two fields of which each packet has one value at most."""
        met = self.reader.met(test.subject, test.right)
        if met is None:
            return None
        rows, one, other = met
        if one.ndim == 1 and other.ndim == 1:
            fits = _COMPARE[test.sign](one, other)
        elif one.ndim == other.ndim == 2 and test.sign in ("==", "all_eq", "!=", "any_ne"):
            same = (one == other).all(axis=1) if one.shape == other.shape else np.zeros(len(rows), bool)
            fits = same if test.sign in ("==", "all_eq") else ~same
        else:
            return None
        mask = np.zeros(len(self.chunk), bool)
        mask[rows[fits]] = True
        return mask

    def bytes(self, test: Any) -> Column | None:
        """`contains` and `matches` of the bytes of layers; texts that a filter looks for are looked for first."""
        if not isinstance(test, Test) or test.every:
            return None
        where = self.reader.stretches(test.subject)
        if where is not None and test.sign == "contains":
            return containing(self.chunk, where, test.literal)
        if where is not None and test.sign == "matches":
            return self.matching(test.literal, where)
        needle = _needle(test)
        if needle:
            everywhere = self.reader.stretches(Subject(test.subject.values, "bytes", shape=("frame",)))
            assert everywhere is not None
            return self.one_by_one(test, containing(self.chunk, everywhere, needle))
        return None

    def matching(self, pattern: Any, where: tuple[Column, Column, Column]) -> Column:
        mask = np.zeros(len(self.chunk), bool)
        data = self.chunk.data.data
        rows, start, stop = where
        base = self.chunk.packets.offset[rows] - self.chunk.base
        search = pattern.search
        for row, low, high in zip(rows.tolist(), (base + start).tolist(), (base + stop).tolist(), strict=True):
            if not mask[row] and search(data[low:high]) is not None:
                mask[row] = True
        return mask

    def both(self, test: Both) -> Column:
        mask = self.of(test.parts[0])
        if test.operator == "not":
            return ~mask
        for part in test.parts[1:]:
            other = self.of(part)
            mask = mask & other if test.operator == "and" else mask | other if test.operator == "or" else mask ^ other
        return mask

    def any_present(self, classes: tuple[type[Header], ...]) -> Column:
        mask = np.zeros(len(self.chunk), bool)
        for cls in classes:
            mask |= self.scan.present(cls)
        return mask

    def columnar(self, test: Test) -> Column:
        some, fails = np.zeros(len(self.chunk), bool), np.zeros(len(self.chunk), bool)
        for source in test.subject.sources:
            for found in self.scan.occurrences(field_of(source)):
                values = found.values
                if source.kind == "int":
                    values = source.scaled(values.astype(np.int64) if source.spec.scale != 1 else values)
                    if test.subject.mask is not None:
                        values = values & values.dtype.type(test.subject.mask & (2 ** (values.dtype.itemsize * 8) - 1))
                fits = self.predicate(test, values)
                some[found.rows[fits]] = True
                fails[found.rows[~fits]] = True
        return (some & ~fails) if test.every else some

    def predicate(self, test: Test, values: Column) -> Column:
        sign, literal = test.sign, test.literal
        if sign == "exists":
            return values != 0 if test.subject.mask is not None else np.ones(len(values), bool)
        if values.ndim == 2:
            return self.addresses(test, values)
        if sign in ("==", "all_eq"):
            return np.asarray(values == literal)
        if sign in ("!=", "any_ne"):
            return np.asarray(values != literal)
        if sign in (">", "<", ">=", "<="):
            return np.asarray(_ORDER[sign](values, literal))
        return self.distinct(test, values)

    def addresses(self, test: Test, values: Column) -> Column:
        sign, literal = test.sign, test.literal
        if sign in ("==", "all_eq", "!=", "any_ne"):
            if isinstance(literal, Prefix):
                mask = np.frombuffer(literal.mask, np.uint8)
                same = ((values & mask) == np.frombuffer(literal.network, np.uint8)).all(axis=1)
            elif len(literal) != values.shape[1]:
                same = np.zeros(len(values), bool)
            else:
                same = (values == np.frombuffer(literal, np.uint8)).all(axis=1)
            return np.asarray(same if sign in ("==", "all_eq") else ~same)
        return self.distinct(test, values)

    def distinct(self, test: Test, values: Column) -> Column:
        """Ask the predicate once for each distinct value."""
        if values.ndim == 2:
            packed = np.ascontiguousarray(values).view([("", np.void, values.shape[1])])["f0"].ravel()
            uniques, where = np.unique(packed, return_inverse=True)
            answers = np.asarray([test.holds(value.tobytes()) for value in uniques], bool)
        else:
            uniques, where = np.unique(values, return_inverse=True)
            answers = np.asarray([test.holds(value) for value in uniques.tolist()], bool)
        return np.asarray(answers[where.reshape(-1)]) if len(uniques) else np.zeros(0, bool)

    def one_by_one(self, test: Any, candidates: Column | None = None) -> Column:
        subject: Subject = test.subject
        asked = self.any_present(subject.classes) if subject.classes else np.ones(len(self.chunk), bool)
        possible = self.reader.may_hold(subject)
        for other in (candidates, None if isinstance(test, Pair) else possible):
            if other is not None:
                asked &= other
        mask = np.zeros(len(self.chunk), bool)
        for row in np.flatnonzero(asked).tolist():
            frame = self.chunk.frame(row)
            packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
            mask[row] = test.matches(packet, frame, self.first_time)
        return mask


def _needle(test: Test) -> bytes:
    """Letters that stand in the bytes of every packet that the test can hold for; b"" where there are none."""
    sources, literal = test.subject.sources, test.literal
    if test.subject.shape[:1] != ("variable",) or test.sign not in ("contains", "==") or test.every:
        return b""
    if not all(isinstance(source.spec.variable, DomainName | Line | FieldLines) for source in sources):
        return b""
    text = literal.encode() if isinstance(literal, str) else literal
    return max(re.findall(rb"[A-Za-z0-9_-]+", text), key=len, default=b"") if isinstance(text, bytes) else b""


_ORDER = {">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal}
_COMPARE: dict[str, Any] = {
    **_ORDER, "==": np.equal, "all_eq": np.equal, "!=": np.not_equal, "any_ne": np.not_equal,
}  # fmt: skip
