"""Filters over a chunk of a capture, with columns wherever columns can say it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from packetlab.analysis.columns import FieldOf, Scan
from packetlab.analysis.filter.compiled import Both, Pair, Present, Subject, Test
from packetlab.analysis.filter.operands import Prefix, Source
from packetlab.analysis.plan import Column
from packetlab.capture.index import Chunk
from packetlab.model.header import Header
from packetlab.model.packet import decapsulate


def _leaves(test: Any) -> Iterator[Any]:
    if isinstance(test, Both):
        for part in test.parts:
            yield from _leaves(part)
    else:
        yield test


def _field(source: Source) -> FieldOf:
    return FieldOf(source.header, source.spec)


def _is_columnar(test: Any) -> bool:
    return isinstance(test, Test) and test.subject.is_plain and test.sign not in ("contains", "matches")


def plain_fields(test: Any) -> set[FieldOf]:
    """The fields that are read as columns."""
    return {_field(source) for leaf in _leaves(test) if _is_columnar(leaf) for source in leaf.subject.sources}


def _classes(test: Any) -> set[type[Header]]:
    found: set[type[Header]] = set()
    for leaf in _leaves(test):
        if isinstance(leaf, Present):
            found |= set(leaf.classes)
        elif isinstance(leaf, Test) and not _is_columnar(leaf):
            found |= set(leaf.subject.classes)
        elif isinstance(leaf, Pair):
            found |= set(leaf.left.classes)
    return found - {Header}


def select(test: Any, chunk: Chunk, first_time: int) -> Column:
    """For which packets of the chunk a bound test holds."""
    scan = Scan(chunk, plain_fields(test), _classes(test))
    return _Selection(chunk, scan, first_time).of(test)


class _Selection:
    def __init__(self, chunk: Chunk, scan: Scan, first_time: int) -> None:
        self.chunk, self.scan, self.first_time = chunk, scan, first_time

    def of(self, test: Any) -> Column:
        if isinstance(test, Both):
            return self.both(test)
        if isinstance(test, Present):
            if test.classes == (Header,):
                return np.ones(len(self.chunk), bool)
            return self.any_present(test.classes)
        if _is_columnar(test):
            return self.columnar(test)
        if isinstance(test, Test) and test.subject.fact is not None and self.fact_column(test) is not None:
            values = self.fact_column(test)
            assert values is not None
            return self.predicate(test, values)
        return self.one_by_one(test)

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
            for found in self.scan.occurrences(_field(source)):
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

    def fact_column(self, test: Test) -> Column | None:
        packets = self.chunk.packets
        assert test.subject.fact is not None
        columns: dict[str, Any] = {
            "frame.number": lambda: self.chunk.first + np.arange(len(self.chunk)),
            "frame.len": lambda: packets.wire.astype(np.int64),
            "frame.cap_len": lambda: packets.captured.astype(np.int64),
            "frame.time_relative": lambda: (packets.time - self.first_time) / 1e9,
            "frame.time_epoch": lambda: packets.time / 1e9,
        }
        make = columns.get(test.subject.fact.name)
        if make is None:
            return None
        values = np.asarray(make())
        return values & test.subject.mask if test.subject.mask is not None else values

    def one_by_one(self, test: Any) -> Column:
        subject: Subject = test.left if isinstance(test, Pair) else test.subject
        asked = self.any_present(subject.classes) if subject.classes else np.ones(len(self.chunk), bool)
        mask = np.zeros(len(self.chunk), bool)
        for row in np.flatnonzero(asked).tolist():
            frame = self.chunk.frame(row)
            mask[row] = test.matches(decapsulate(frame.data, frame.link_type), frame, self.first_time)
        return mask


_ORDER = {">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal}
