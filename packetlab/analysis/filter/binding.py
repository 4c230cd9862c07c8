"""From the tree of a filter to tests that can be asked: names become fields, words become values.

FilterError, with the column, wherever something is said that has no meaning.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from packetlab.analysis.filter import grammar as g
from packetlab.analysis.filter.compiled import SIGNS, Both, Pair, Predicate, Present, Subject, Test
from packetlab.analysis.filter.derived import Derived
from packetlab.analysis.filter.elements import holders
from packetlab.analysis.filter.operands import (
    FrameFact,
    Layers,
    Prefix,
    ProtocolName,
    is_known,
    number,
    of_layers,
    resolve,
    some_bytes,
    value_for,
)
from packetlab.model.fields import FixedBytes
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate

HEADER_ONLY = {"eth", "ip", "ipv6", "tcp", "udp", "vlan", "ieee8021ad", "sll", "null", "ppp", "mpls", "vxlan", "pppoes",
               "ah"}  # fmt: skip
"""Protocols of which Wireshark marks the header alone, and not what is inside as well."""
_ORDERED = (">", "<", ">=", "<=")


def subject_of(text: str) -> Subject:
    """The values that a name or expression stands for, such as `ip.src` or `len(tcp)`; FilterError otherwise."""
    node = g.read(text)
    if not isinstance(node, g.Exists):
        raise g.FilterError(text, 1, "that is a condition and no field")
    return Binder(text).subject(node.of)


class Binder:
    """Binds the nodes of one filter."""

    def __init__(self, text: str) -> None:
        self.text = text

    def fail(self, column: int, why: str, remedy: str = "") -> g.FilterError:
        return g.FilterError(self.text, column, why, remedy)

    def bind(self, node: Any) -> Any:
        """The test that a node stands for."""
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
        if isinstance(node, g.Layered):
            named = resolve(node.of, self.text)
            if isinstance(named, ProtocolName):
                layers, classes = node.layers, named.classes
                present = Subject(lambda p, f, t: (b"" for _ in of_layers(_headers(p, classes), layers)), "bytes",
                                  classes=classes)  # fmt: skip
                return Test(present, lambda value: True, False, "exists")
        if isinstance(node, g.Word):
            named = resolve(node, self.text)
            if isinstance(named, ProtocolName):
                return Present(named.classes)
        if isinstance(node, g.Sum):
            raise self.fail(_column(node), "a sum alone is no test", remedy="compare it with something")
        if isinstance(node, g.Quoted):
            raise self.fail(node.column, "text alone is no test", remedy="compare a field with it")
        subject = self.subject(node)
        return Test(subject, _is_not_zero if subject.mask is not None else lambda value: True, False, "exists")

    def subject(self, node: Any) -> Subject:
        """The values that a node stands for."""
        if isinstance(node, g.Word):
            return self.named(node)
        if isinstance(node, g.Mask):
            inner, mask = self.subject(node.of), number(getattr(node.mask, "text", ""))
            if mask is None or inner.kind not in ("int", "bytes"):
                raise self.fail(_column(node), "& takes a number or bytes, and a number")
            if inner.kind == "bytes":
                return Subject(lambda p, f, t: (_and(v, mask) for v in inner.values(p, f, t)), "bytes",
                               classes=inner.classes, mask=mask)  # fmt: skip
            return replace(inner, values=lambda p, f, t: (v & mask for v in inner.values(p, f, t)), mask=mask,
                           shape=("mask", inner, mask))  # fmt: skip
        if isinstance(node, g.Slice):
            return self.slice(node)
        if isinstance(node, g.Call):
            return self.call(node)
        if isinstance(node, g.Sum):
            return self.sum(node)
        if isinstance(node, g.Layered):
            return self.named(node.of, node.layers)
        raise self.fail(_column(node), "a field or protocol must stand here")

    def named(self, word: g.Word, layers: Layers = ()) -> Subject:
        named = resolve(word, self.text)
        if isinstance(named, FrameFact):
            return Subject(lambda p, f, t: iter((named.read(f, t),)), named.kind, fact=named, shape=("fact", named))
        if isinstance(named, Derived):
            if layers:
                raise self.fail(word.column, f"{word.text} stands in no layer of its own")
            return Subject(lambda p, f, t: named.read(p, f), named.kind, classes=named.classes,
                           shape=("derived", named), is_state=named.is_state)  # fmt: skip
        if isinstance(named, ProtocolName):
            classes = named.classes
            if classes == (Header,):
                return Subject(lambda p, f, t: iter((f.data or p.data or b"",)), "bytes", shape=("frame",))
            return Subject(lambda p, f, t: _layer_bytes(p, classes, layers), "bytes", classes=classes,
                           shape=("layer", classes) if not layers else ())  # fmt: skip
        sources = named.sources
        plain = not layers and all(source.spec.kind is not None and not holders(source.header) for source in sources)
        return Subject(
            lambda p, f, t: (value for source in sources for value in source.values(p, layers)),
            named.kind, sources, tuple(cls for source in sources for cls in (source.header, *holders(source.header))),
            is_plain=plain, shape=("field", sources) if plain else ("variable", sources),
        )  # fmt: skip

    def slice(self, node: g.Slice) -> Subject:
        inner = self.header_only(self.subject(node.of))
        source = inner.sources[0] if inner.sources else None
        if inner.kind in ("float", "time") or (inner.kind == "int" and source is None):
            raise self.fail(_column(node), "that has no bytes to take some of")

        def values(packet: Packet, frame: Frame, first: int) -> Iterator[bytes]:
            for value in inner.values(packet, frame, first):
                raw = source.raw_bytes(value) if source else value.encode() if isinstance(value, str) else bytes(value)
                if all(start < len(raw) and start >= -len(raw) for start, _ in node.parts):
                    yield b"".join(raw[start:stop] for start, stop in node.parts)

        return Subject(values, "bytes", classes=inner.classes, shape=("slice", inner, node.parts))

    def header_only(self, subject: Subject) -> Subject:
        """Of a protocol that carries others, the header: that is what Wireshark 4.0 takes slices and lengths of."""
        if subject.shape[:1] != ("layer",) or not all(one.wireshark in HEADER_ONLY for one in subject.classes):
            return subject
        classes = subject.classes
        return replace(subject, values=lambda p, f, t: _layer_bytes(p, classes, header=True), shape=("header", classes))

    def call(self, node: g.Call) -> Subject:
        if node.function in ("max", "min"):
            inner = [self.value(one) for one in node.arguments]
            choose: Callable[[list[Any]], Any] = max if node.function == "max" else min

            def extreme(packet: Packet, frame: Frame, first: int) -> Iterator[Any]:
                lists = [list(one.values(packet, frame, first)) for one in inner]
                if all(lists):
                    yield choose([value for values in lists for value in values])

            return Subject(extreme, self.common_kind(node, inner), classes=inner[0].classes)
        if len(node.arguments) != 1:
            raise self.fail(node.column, f"{node.function} takes one value")
        return self.function(node, self.subject(node.arguments[0]))

    def function(self, node: g.Call, inner: Subject) -> Subject:
        inner = self.header_only(inner) if node.function == "len" else inner
        values = inner.values
        if node.function == "len":
            return Subject(lambda p, f, t: (_length(v, inner) for v in values(p, f, t)),
                           "int", classes=inner.classes, shape=("len", inner))  # fmt: skip
        if node.function == "count":
            return Subject(lambda p, f, t: iter(_some(sum(1 for _ in values(p, f, t)))), "int", classes=inner.classes)
        if node.function == "abs":
            self.common_kind(node, [inner])
            return Subject(lambda p, f, t: (abs(v) for v in values(p, f, t)), inner.kind, classes=inner.classes)
        if node.function == "string":
            return Subject(lambda p, f, t: (str(plain_value(inner, v)) for v in values(p, f, t)), "text",
                           classes=inner.classes)  # fmt: skip
        change: Callable[[str], str] = str.lower if node.function == "lower" else str.upper
        if inner.kind != "text":
            raise self.fail(node.column, f"{node.function} takes text", remedy="string(...) makes some of anything")
        return Subject(lambda p, f, t: (change(v) for v in values(p, f, t)), "text", classes=inner.classes)

    def value(self, node: Any) -> Subject:
        """A subject, or a constant as one."""
        if isinstance(node, g.Word) and not is_known(node.text) and node.text.lstrip("-")[:1].isdigit():
            found: float | int | None = number(node.text)
            if found is None:
                try:
                    found = float(node.text)
                except ValueError:
                    raise self.fail(node.column, f"{node.text!r} is neither a field nor a number") from None
            return Subject(lambda p, f, t: iter((found,)), "int" if isinstance(found, int) else "float",
                           shape=("constant", found))  # fmt: skip
        return self.subject(node)

    def common_kind(self, node: Any, subjects: list[Subject]) -> str:
        kinds = {one.kind for one in subjects}
        if not kinds <= {"int", "float"}:
            raise self.fail(_column(node), "numbers must stand here")
        return "float" if "float" in kinds else "int"

    def sum(self, node: g.Sum) -> Subject:
        left, right = self.value(node.of), self.value(node.other)
        kind = self.common_kind(node, [left, right])
        compute = ARITHMETIC[node.sign]

        def values(packet: Packet, frame: Frame, first: int) -> Iterator[Any]:
            others = list(right.values(packet, frame, first))
            for one in left.values(packet, frame, first):
                for other in others:
                    if other or node.sign not in "/%":
                        yield compute(one, other)

        return Subject(values, kind, classes=left.classes or right.classes, shape=("sum", left, node.sign, right),
                       is_state=left.is_state or right.is_state)  # fmt: skip

    def comparison(self, node: g.Compare) -> Any:
        left, right = node.left, node.right
        if _is_literal(left) and isinstance(right, g.Word) and is_known(right.text):
            turned = {">": "<", "<": ">", ">=": "<=", "<=": ">="}.get(node.sign, node.sign)
            return self.comparison(g.Compare(right, turned, left, node.quantifier))
        subject = self.value(left)
        every = node.quantifier == "all" or (not node.quantifier and node.sign in ("!=", "all_eq"))
        if isinstance(right, g.Mask | g.Slice | g.Call | g.Sum | g.Layered) or (
            isinstance(right, g.Word) and _is_field(right.text)
        ):
            if node.sign in ("contains", "matches"):
                raise self.fail(_column(right), f"{node.sign} takes a value on its right, no field")
            return Pair(subject, node.sign, self.subject(right), every)
        literal = self.literal(subject, right, node.sign)
        return Test(subject, self.predicate(node.sign, literal, right), every, node.sign, literal)

    def literal(self, subject: Subject, node: Any, sign: str) -> Any:
        if sign == "matches":
            try:
                return re.compile(_pattern(node.text).encode(), re.IGNORECASE | re.DOTALL)
            except (re.error, OverflowError, RecursionError) as error:
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
            return lambda value: literal.search(_octets(value)) is not None
        if sign == "contains":
            return lambda value: literal in _octets(value)
        if isinstance(literal, Prefix):
            if sign in _ORDERED:
                raise self.fail(node.column, "a prefix is equal or not; it is neither larger nor smaller")
            return literal.holds if sign in ("==", "all_eq") else lambda value: not literal.holds(value)
        if sign in ("==", "all_eq"):
            return lambda value: bool(value == literal)
        if sign in ("!=", "any_ne"):
            return lambda value: bool(value != literal)
        compare = SIGNS[sign]
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


def _headers(packet: Packet, classes: tuple[type[Header], ...]) -> list[Header]:
    return [header for header, _ in packet.walk() if isinstance(header, classes)]


def _column(node: Any) -> int:
    while not hasattr(node, "column"):
        node = node.of
    return int(node.column)


def _pattern(text: str) -> str:
    """A regular expression as Python wants it: options in the middle, as in ^(?s)x, hold for what follows."""
    found = re.search(r"\(\?([imsx]+)\)", text)
    if found is None or not found.start() or "(" in text[: found.start()].replace("\\(", ""):
        return text
    return f"{text[: found.start()]}(?{found[1]}:{_pattern(text[found.end() :])})"


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def _length(value: Any, subject: Subject) -> int:
    if isinstance(value, str):
        return len(_octets(value))
    if isinstance(value, int) and subject.sources:
        return max(1, -(-(subject.sources[0].spec.width or 8) // 8))
    return len(value) if hasattr(value, "__len__") else 1


def _some(count: int) -> tuple[int, ...]:
    """A count, where there is something to count."""
    return (count,) if count else ()


def plain_value(subject: Subject, value: Any) -> Any:
    """A value of a field as a number, or as text: addresses as they are written, other bytes as hex."""
    if isinstance(value, bytes):
        kind = subject.sources[0].spec.kind if subject.sources else None
        if isinstance(kind, FixedBytes) and len(value) == kind.size:
            return kind.text(value)
        return value.hex()
    return value


def _divided(one: Any, other: Any) -> Any:
    """As C divides: whole numbers towards zero."""
    if isinstance(one, float) or isinstance(other, float):
        return one / other
    return abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided,
    "%": lambda one, other: one - other * _divided(one, other) if isinstance(one, int) else one % other,
}  # fmt: skip


def _layer_bytes(
    packet: Packet, classes: tuple[type[Header], ...], layers: Layers = (), *, header: bool = False
) -> Iterator[bytes]:
    """The bytes of each layer of these classes with all that is inside, as Wireshark slices a protocol."""
    if packet.data is None:
        packet = decapsulate(packet.encapsulate(), type(packet.layers[0]) if packet.layers else None)
    mine = [place for one, place in zip(packet.layers, packet.bounds(), strict=True) if isinstance(one, classes)]
    for start, body, end in of_layers(mine, layers) if layers else mine:
        end = min(body, end) if header else end
        if packet.data is not None:
            yield (packet.data or b"")[start - packet._offset : end - packet._offset]
