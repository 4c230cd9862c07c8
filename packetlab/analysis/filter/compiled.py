"""A filter bound to its fields, asked of one packet or of a chunk of a capture.

Both ways share one meaning: a comparison is a predicate over the values of a field, joined by "any" or "all".
`!=` means that no value is equal (and there is one), `any_ne` that one differs; a field that does not occur
makes every comparison false. Over a chunk the predicate runs on columns; what columns cannot say (slices,
regular expressions, fields of variable length) is asked packet by packet, of those rows alone that hold the
protocol at all.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from packetlab.analysis.filter import grammar as g
from packetlab.analysis.filter.elements import holders
from packetlab.analysis.filter.operands import (
    FieldName,
    FrameFact,
    Prefix,
    ProtocolName,
    Source,
    is_known,
    number,
    resolve,
    some_bytes,
    value_for,
)
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate

if TYPE_CHECKING:
    from packetlab.analysis.columns import FieldOf
    from packetlab.capture.index import Chunk

Predicate = Callable[[Any], bool]
_NO_FRAME = Frame(b"", 0, 0)
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
    "==": operator.eq, "all_eq": operator.eq, "!=": operator.ne, "any_ne": operator.ne,
}  # fmt: skip
_ORDERED = (">", "<", ">=", "<=")


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

    left: Subject
    sign: str
    right: Subject
    every: bool

    def matches(self, packet: Packet, frame: Frame, first: int) -> bool:
        """Of one packet."""
        compare = {"==": operator.eq, "!=": operator.ne, "any_ne": operator.ne, "all_eq": operator.eq, **_SIGNS}[
            self.sign
        ]
        right = list(self.right.values(packet, frame, first))
        fits = [type(a) is type(b) and compare(a, b) for a in self.left.values(packet, frame, first) for b in right]
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


class Filter:
    """A display filter."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.test = _Binder(text).bind(g.read(text))

    def matches(self, packet: Packet, frame: Frame = _NO_FRAME, first_time: int = 0) -> bool:
        """Whether it holds for one packet; `frame` and the first frame's time serve the frame.* names."""
        return bool(self.test.matches(packet, frame, first_time))

    def select(self, chunk: "Chunk", first_time: int = 0) -> Any:
        """A boolean array: for which packets of a chunk it holds."""
        from packetlab.analysis.filter.vectorised import select

        return select(self.test, chunk, first_time)

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


def subject_of(text: str) -> Subject:
    """The values that a name or expression stands for, such as `ip.src` or `len(tcp)`; FilterError otherwise."""
    node = g.read(text)
    if not isinstance(node, g.Exists):
        raise g.FilterError(text, 1, "that is a condition and no field")
    return _Binder(text).subject(node.of)


class _Binder:
    def __init__(self, text: str) -> None:
        self.text = text

    def fail(self, column: int, why: str, remedy: str = "") -> g.FilterError:
        return g.FilterError(self.text, column, why, remedy)

    def bind(self, node: Any) -> Any:
        if isinstance(node, g.Chain):
            return Both(node.operator, tuple(self.bind(part) for part in node.parts))
        if isinstance(node, g.Not):
            return Both("not", (self.bind(node.of),))
        if isinstance(node, g.Exists):
            return self.existence(node.of)
        if isinstance(node, g.Within):
            return self.membership(node)
        return self.comparison(node)

    def existence(self, node: Any) -> Any:
        if isinstance(node, g.Word):
            named = resolve(node, self.text)
            if isinstance(named, ProtocolName):
                return Present(named.classes)
        if isinstance(node, g.Quoted):
            raise self.fail(node.column, "text alone is no test", remedy="compare a field with it")
        subject = self.subject(node)
        return Test(subject, _is_not_zero if subject.mask is not None else lambda value: True, False, "exists")

    def subject(self, node: Any) -> Subject:
        if isinstance(node, g.Word):
            return self.named(node)
        if isinstance(node, g.Mask):
            inner, mask = self.subject(node.of), number(getattr(node.mask, "text", ""))
            if mask is None or inner.kind not in ("int", "bytes"):
                raise self.fail(_column(node), "& takes a number or bytes, and a number")
            if inner.kind == "bytes":
                return Subject(lambda p, f, t: (_and(v, mask) for v in inner.values(p, f, t)), "bytes",
                               classes=inner.classes, mask=mask)  # fmt: skip
            return replace(inner, values=lambda p, f, t: (v & mask for v in inner.values(p, f, t)), mask=mask)
        if isinstance(node, g.Slice):
            return self.slice(node)
        if isinstance(node, g.Call):
            return self.call(node)
        raise self.fail(_column(node), "a field or protocol must stand here")

    def named(self, word: g.Word) -> Subject:
        named = resolve(word, self.text)
        if isinstance(named, FrameFact):
            return Subject(lambda p, f, t: iter((named.read(f, t),)), named.kind, fact=named)
        if isinstance(named, ProtocolName):
            classes = named.classes
            return Subject(lambda p, f, t: _layer_bytes(p, classes), "bytes", classes=classes)
        sources = named.sources
        return Subject(
            lambda p, f, t: (value for source in sources for value in source.values(p)),
            named.kind, sources, tuple(cls for source in sources for cls in (source.header, *holders(source.header))),
            is_plain=all(source.spec.kind is not None and not holders(source.header) for source in sources),
        )  # fmt: skip

    def slice(self, node: g.Slice) -> Subject:
        inner = self.subject(node.of)
        source = inner.sources[0] if inner.sources else None

        def values(packet: Packet, frame: Frame, first: int) -> Iterator[bytes]:
            for value in inner.values(packet, frame, first):
                raw = source.raw_bytes(value) if source else value.encode() if isinstance(value, str) else bytes(value)
                if all(start < len(raw) and start >= -len(raw) for start, _ in node.parts):
                    yield b"".join(raw[start:stop] for start, stop in node.parts)

        return Subject(values, "bytes", classes=inner.classes)

    def call(self, node: g.Call) -> Subject:
        inner = self.subject(node.of)
        if node.function == "len":
            return Subject(lambda p, f, t: (len(v) if hasattr(v, "__len__") else 1 for v in inner.values(p, f, t)),
                           "int", classes=inner.classes)  # fmt: skip
        if node.function == "count":
            return Subject(lambda p, f, t: iter((sum(1 for _ in inner.values(p, f, t)),)), "int", classes=inner.classes)
        change: Callable[[str], str] = {"lower": str.lower, "upper": str.upper}.get(node.function, str)
        return Subject(lambda p, f, t: (change(_text(v)) for v in inner.values(p, f, t)), "text", classes=inner.classes)

    def comparison(self, node: g.Compare) -> Any:
        left, right = node.left, node.right
        if _is_literal(left) and isinstance(right, g.Word) and is_known(right.text):
            turned = {">": "<", "<": ">", ">=": "<=", "<=": ">="}.get(node.sign, node.sign)
            return self.comparison(g.Compare(right, turned, left, node.quantifier))
        subject = self.subject(left)
        every = node.quantifier == "all" or (not node.quantifier and node.sign in ("!=", "all_eq"))
        if isinstance(right, g.Mask | g.Slice | g.Call) or (isinstance(right, g.Word) and _is_field(right.text)):
            return Pair(subject, node.sign, self.subject(right), every)
        literal = self.literal(subject, right, node.sign)
        return Test(subject, self.predicate(node.sign, literal, right), every, node.sign, literal)

    def literal(self, subject: Subject, node: Any, sign: str) -> Any:
        if sign == "matches":
            try:
                return re.compile(node.text, re.IGNORECASE | re.DOTALL)
            except re.error as error:
                raise self.fail(node.column, f"it is no regular expression: {error}") from None
        if sign == "contains":
            found = some_bytes(node.text) if isinstance(node, g.Word) else None
            return found if found is not None else node.text.encode()
        source = subject.sources[0] if subject.sources else None
        if subject.kind == "bytes" and source is None:
            return self.plain_bytes(node)
        return value_for(source, subject.kind, node, self.text)  # type: ignore[arg-type]

    def plain_bytes(self, node: Any) -> bytes:
        if isinstance(node, g.Quoted):
            return node.text.encode()
        found = some_bytes(node.text)
        if found is None:
            one = number(node.text)
            if one is None or not 0 <= one < 1 << 64:
                raise self.fail(node.column, f"{node.text!r} is not a row of bytes such as 0a:0b")
            found = one.to_bytes(max(1, (one.bit_length() + 7) // 8), "big")
        return found

    def predicate(self, sign: str, literal: Any, node: Any) -> Predicate:
        if sign == "matches":
            return lambda value: literal.search(_text(value)) is not None
        if sign == "contains":
            return lambda value: literal in (value if isinstance(value, bytes) else _text(value).encode())
        if isinstance(literal, Prefix):
            if sign in _ORDERED:
                raise self.fail(node.column, "a prefix is equal or not; it is neither larger nor smaller")
            return literal.holds if sign in ("==", "all_eq") else lambda value: not literal.holds(value)
        if sign in ("==", "all_eq"):
            return lambda value: bool(value == literal)
        if sign in ("!=", "any_ne"):
            return lambda value: bool(value != literal)
        compare = _SIGNS[sign]
        return lambda value: bool(compare(value, literal))

    def membership(self, node: g.Within) -> Any:
        subject = self.subject(node.left)
        tests = []
        for low, high in node.ranges:
            if high is None:
                literal = self.literal(subject, low, "==")
                tests.append(self.predicate("==", literal, low))
                continue
            least, most = self.literal(subject, low, ">="), self.literal(subject, high, "<=")
            if isinstance(least, Prefix) or isinstance(most, Prefix):
                raise self.fail(_column(low), "a range has addresses at its ends, not prefixes")
            tests.append(_between(least, most))
        return Test(subject, lambda value: any(test(value) for test in tests), node.quantifier == "all", "in")


def _and(value: bytes, mask: int) -> bytes:
    number = int.from_bytes(value, "big") & mask
    return number.to_bytes(len(value), "big")


def _is_not_zero(value: Any) -> bool:
    return any(value) if isinstance(value, bytes) else bool(value)


def _between(least: Any, most: Any) -> Predicate:
    return lambda value: bool(least <= value <= most)


def _is_literal(node: Any) -> bool:
    return isinstance(node, g.Quoted) or (isinstance(node, g.Word) and not is_known(node.text))


def _is_field(text: str) -> bool:
    return "." in text and is_known(text)


def _column(node: Any) -> int:
    while not hasattr(node, "column"):
        node = node.of
    return int(node.column)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _layer_bytes(packet: Packet, classes: tuple[type[Header], ...]) -> Iterator[bytes]:
    """The bytes of each layer of these classes with all that is inside, as Wireshark slices a protocol."""
    if packet.data is None:
        packet = decapsulate(packet.encapsulate(), type(packet.layers[0]) if packet.layers else None)
    for header, (start, _, end) in zip(packet.layers, packet.bounds(), strict=True):
        if isinstance(header, classes):
            yield (packet.data or b"")[start - packet._offset : end - packet._offset]


__all__ = ["FieldName", "Filter", "parse"]
