"""A filter bound to its fields, asked of one packet or of a chunk of a capture.

Both ways share one meaning: a comparison is a predicate over the values of a field, joined by "any" or "all".
`!=` means that no value is equal (and there is one), `any_ne` that one differs; a field that does not occur
makes every comparison false. Over a chunk the predicate runs on columns; what columns cannot say (slices,
regular expressions, fields of variable length) is asked packet by packet, of those rows alone that hold the
protocol at all.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from packetlab.analysis.filter import grammar as g
from packetlab.analysis.filter.operands import FrameFact, Source
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet

if TYPE_CHECKING:
    from packetlab.analysis.columns import FieldOf
    from packetlab.capture.index import Chunk

Predicate = Callable[[Any], bool]
_NO_FRAME = Frame(b"", 0, 0)
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
    "==": operator.eq, "all_eq": operator.eq, "!=": operator.ne, "any_ne": operator.ne,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """What stands on the left of a comparison: all values of it in one packet."""

    values: Callable[[Packet, Frame, int], Iterator[Any]]
    kind: str
    sources: tuple[Source, ...] = ()
    classes: tuple[type[Header], ...] = ()
    """Where none of these headers is, there is no value."""
    fact: FrameFact | None = None
    mask: int | None = None
    is_plain: bool = False
    """Just fields (masked, perhaps): columns can be asked."""
    shape: tuple[Any, ...] = ()
    """What it is made of, for columnar.py: ("field", ...), ("layer", classes), ("slice", inner, parts) ..."""
    is_state: bool = False
    """The frames before must be known."""


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison, bound."""

    subject: Subject
    holds: Predicate
    every: bool
    """Of all values, not of any."""
    sign: str = ""
    literal: Any = None

    def matches(self, packet: Packet, frame: Frame, first: int) -> bool:
        """Of one packet."""
        values = list(self.subject.values(packet, frame, first))
        return bool(values) and (all if self.every else any)(self.holds(value) for value in values)


@dataclass(frozen=True, slots=True)
class Present:
    """A protocol occurs."""

    classes: tuple[type[Header], ...]

    def matches(self, packet: Packet, frame: Frame, first: int) -> bool:
        """Of one packet."""
        return self.classes == (Header,) or any(isinstance(header, self.classes) for header, _ in packet.walk())


@dataclass(frozen=True, slots=True)
class Pair:
    """A comparison of two fields of the same packet: some pair of values fits (every pair, for "all")."""

    subject: Subject
    """What stands on the left."""
    sign: str
    right: Subject
    every: bool

    def matches(self, packet: Packet, frame: Frame, first: int) -> bool:
        """Of one packet."""
        compare = {"==": operator.eq, "!=": operator.ne, "any_ne": operator.ne, "all_eq": operator.eq, **SIGNS}[
            self.sign
        ]
        right = list(self.right.values(packet, frame, first))
        fits = [_alike(a, b) and bool(compare(a, b)) for a in self.subject.values(packet, frame, first) for b in right]
        return bool(fits) and (all if self.every else any)(fits)


@dataclass(frozen=True, slots=True)
class Both:
    """Tests joined by an operator, or one negated."""

    operator: str
    parts: tuple[Any, ...]

    def matches(self, packet: Packet, frame: Frame, first: int) -> bool:
        """Of one packet."""
        answers = (part.matches(packet, frame, first) for part in self.parts)
        if self.operator == "and":
            return all(answers)
        if self.operator == "or":
            return any(answers)
        return sum(answers) % 2 == 1 if self.operator == "xor" else not next(answers)


def leaves(test: Any) -> Iterator[Any]:
    """The tests that are joined in one."""
    if isinstance(test, Both):
        for part in test.parts:
            yield from leaves(part)
    else:
        yield test


class Filter:
    """A display filter."""

    def __init__(self, text: str) -> None:
        self.text = text
        from packetlab.analysis.filter.binding import Binder

        self.test = Binder(text).bind(g.read(text))

    def matches(self, packet: Packet, frame: Frame = _NO_FRAME, first_time: int = 0) -> bool:
        """Whether it holds for one packet; `frame` and the first frame's time serve the frame.* names."""
        return bool(self.test.matches(packet, frame, first_time))

    def select(self, chunk: "Chunk", first_time: int = 0) -> Any:
        """A boolean array: for which packets of a chunk it holds."""
        from packetlab.analysis.filter.vectorised import select

        return select(self.test, chunk, first_time)

    @property
    def is_state(self) -> bool:
        """Whether it asks for what only the frames before tell: then every chunk must be asked, in order."""
        return any(leaf.subject.is_state or (isinstance(leaf, Pair) and leaf.right.is_state)
                   for leaf in leaves(self.test) if isinstance(leaf, Test | Pair))  # fmt: skip

    def fields(self) -> "set[FieldOf]":
        """The fields that columns will be read of."""
        from packetlab.analysis.filter.vectorised import plain_fields

        return plain_fields(self.test)

    def __repr__(self) -> str:
        return f"Filter({self.text!r})"


@lru_cache(128)
def parse(text: str) -> Filter:
    """The filter of a text; FilterError, with the column, where it cannot be understood."""
    return Filter(text)


def _alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) or (isinstance(one, int | float) and isinstance(other, int | float))
