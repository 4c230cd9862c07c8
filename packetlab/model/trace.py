"""The readable decoder: field by field, with the place of each, and able to stop anywhere.

The compiled decoder (model/compiler.py) hands over to `decode_slowly` whenever bytes are not sound; the
printer asks `field_spans` where each field lies. A test holds both decoders against each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from packetlab.model.fault import CUT, Fault
from packetlab.model.fields import FieldSpec, FixedBytes, Items, Length, NeedMore, NextProtocol
from packetlab.model.header import Decoded, Header
from packetlab.model.layout import Loose, Run, Word, layout


@dataclass(frozen=True, slots=True)
class FieldSpan:
    """Where one field lies: bits from the start of the packet's bytes, and its raw value."""

    spec: FieldSpec
    bit_offset: int
    bit_length: int
    value: Any
    elements: tuple["ElementSpan", ...] = ()

    @property
    def offset(self) -> int:
        return self.bit_offset // 8

    @property
    def end(self) -> int:
        """The byte behind its last bit."""
        return -(-(self.bit_offset + self.bit_length) // 8)


@dataclass(frozen=True, slots=True)
class ElementSpan:
    """Where one element (an option, a record) of an `items` field lies, in bytes, and its fields."""

    header: Header
    offset: int
    end: int
    fields: tuple[FieldSpan, ...]


def shifted(faults: list[Fault], by: int) -> list[Fault]:
    """The same faults, found in a message that starts `by` bytes further on."""
    return [replace(fault, offset=fault.offset + by) for fault in faults]


class _Reading:
    """One interpretation of bytes as a header: the state that `decode_slowly` steps through."""

    def __init__(self, cls: Any, data: bytes, pos: int, end: int, faults: list[Fault]) -> None:
        self.cls, self.data, self.pos, self.end, self.faults = cls, data, pos, end, faults
        self.header = cls.draft()
        self.at = pos
        self.limit = end
        self.limited = False
        self.cut = False
        for spec in cls.fields:
            setattr(self.header, spec.slot, CUT)
        if cls.has_excess:
            self.header.excess = b""

    def fault(
        self, text: str, field: str, needed: int | None = None, had: int | None = None, at: int | None = None
    ) -> None:
        where = self.at if at is None else at
        self.faults.append(Fault(self.cls.__name__, where, text, needed, had, field))

    def run(self) -> None:
        for part in layout(self.cls):
            if isinstance(part, Run):
                self.read_run(part)
            else:
                self.read_loose(part.spec)
            if self.cut:
                return
        self.finish()

    def read_run(self, run: Run) -> None:
        if run.when is not None and not run.when(self.header):
            for word in run.words:
                for spec in word.fields:
                    setattr(self.header, spec.slot, 0)
            return
        start = self.at
        for word in run.words:
            if self.at + word.size > self.limit:
                self.stop(word.fields[0], run.size, self.limit - start)
                return
            read_word(self.header, word, self.data, self.at, run.little)
            self.at += word.size
        for word in run.words:
            for spec in word.fields:
                self.bound(spec, start)

    def read_loose(self, spec: FieldSpec) -> None:
        assert spec.variable is not None
        if spec.when is not None and not spec.when(self.header):
            setattr(self.header, spec.slot, spec.default)
            return
        if spec.variable.lazy:
            setattr(self.header, spec.slot, self.data[self.at : self.limit])
            self.at = self.limit
            return
        try:
            value, at = spec.variable.take(self.data, self.at, self.limit, self.header, self.faults)
        except NeedMore as more:
            self.stop(spec, more.needed, more.had)
            return
        setattr(self.header, spec.slot, value)
        self.at = at

    def stop(self, spec: FieldSpec, needed: int, had: int) -> None:
        self.cut = True
        self.fault("the bytes end before this field does", spec.name, needed, had)

    def bound(self, spec: FieldSpec, run_start: int) -> None:
        """Take a header length at its word, as far as that is possible."""
        fill = spec.fill
        if not isinstance(fill, Length) or fill.counts not in ("header", "after") or self.limited:
            return
        self.limited = True
        value = getattr(self.header, spec.slot)
        if value == 0 and fill.zero_is_rest:
            return
        start = self.pos if fill.counts == "header" else self.pos + _offset_behind(self.cls, spec, self.header)
        limit = start + value * fill.unit + fill.plus
        said = value * fill.unit + fill.plus
        if limit < self.at:
            self.fault(
                f"{spec.name} says {said} bytes, which is less than the header's fixed part takes",
                spec.name,
                self.at - start,
                said,
                run_start,
            )
            self.limit = self.at
        elif limit > self.end:
            self.fault(
                f"{spec.name} says {said} bytes, more than there are",
                spec.name,
                said,
                self.end - start,
                run_start,
            )
            self.limit = self.end
        else:
            self.limit = limit

    def finish(self) -> None:
        if self.limited:
            if self.cls.has_excess:
                self.header.excess = self.data[self.at : self.limit]
            self.at = max(self.at, self.limit)
        for spec in self.cls.fields:
            if spec.expect is not None and getattr(self.header, spec.slot) != spec.expect:
                found = getattr(self.header, spec.slot)
                self.fault(
                    f"{spec.name} is {found} where {self.cls.__name__} has {spec.expect}",
                    spec.name,
                    at=self.pos,
                )

    def body_end(self) -> int:
        for spec in self.cls.fields:
            fill = spec.fill
            if not isinstance(fill, Length) or fill.counts not in ("header+body", "body"):
                continue
            value = getattr(self.header, spec.slot)
            if value == 0 and fill.zero_is_rest:
                continue
            start = self.pos if fill.counts == "header+body" else self.at
            said = value * fill.unit + fill.plus
            if start + said < self.at:
                self.fault(
                    f"{spec.name} says {said} bytes, less than the header itself",
                    spec.name,
                    self.at - start,
                    said,
                    self.pos,
                )
            elif start + said > self.end:
                self.fault(
                    f"{spec.name} says {said} bytes, more than there are",
                    spec.name,
                    said,
                    self.end - start,
                    self.pos,
                )
            else:
                return int(start + said)
        return self.at if self.cls.bodyless else self.end


def read_word(header: Any, word: Word, data: bytes, at: int, little: bool) -> None:
    """Set the fields that share one word of a run."""
    raw = data[at : at + word.size]
    if isinstance(word.fields[0].kind, FixedBytes):
        setattr(header, word.fields[0].slot, raw)
        return
    number, shift = int.from_bytes(raw, "little" if little else "big"), word.size * 8
    for spec in word.fields:
        bits = spec.width or 0
        shift -= bits
        setattr(header, spec.slot, number >> shift & ((1 << bits) - 1))


def _offset_behind(cls: Any, wanted: FieldSpec, header: Any) -> int:
    """Bytes from the header's start to the byte behind a fixed-width field."""
    total = 0
    for part in layout(cls):
        if isinstance(part, Loose):
            total += len(part.spec.variable.build(getattr(header, part.spec.slot), header))  # type: ignore[union-attr]
            continue
        if part.when is not None and not part.when(header):
            continue
        for word in part.words:
            total += word.size
            if any(spec is wanted for spec in word.fields):
                return total
    return total


def decode_slowly(cls: Any, data: bytes, pos: int, end: int, faults: list[Fault]) -> Decoded:
    """The same answer as the compiled decoder gives, for bytes of any kind; adds to `faults`, never raises."""
    reading = _Reading(cls, data, pos, end, faults)
    reading.run()
    header = reading.header
    if reading.cut:
        header.__class__ = cls
        return header, reading.at, end, None
    body_end = reading.body_end()
    next_class = choose_next(cls, header, data, reading.at, body_end)
    header.__class__ = cls
    return header, reading.at, body_end, next_class


def choose_next(cls: Any, header: Any, data: bytes, at: int, body_end: int) -> Any:
    """The class of the header inside, or None."""
    if at >= body_end or is_opaque(cls, header):
        return None
    if cls.body is not None:
        return cls.body
    for spec in cls.fields:
        if isinstance(spec.fill, NextProtocol):
            return cls.table.get(getattr(header, spec.name))
    for name in cls.next_by:
        found = cls.table.get(getattr(header, name))
        if found is not None:
            if found.accepts is None or found.accepts(data, at, body_end):
                return found
            break
    for guess in cls.guesses if cls.next_by else ():
        if guess.accepts is not None and guess.accepts(data, at, body_end):
            return guess
    return None


def is_opaque(cls: Any, header: Any) -> bool:
    """Whether what is inside cannot be read, by the class's `opaque`."""
    if isinstance(cls.opaque, str):
        return bool(getattr(header, cls.opaque))
    return cls.opaque is not None and bool(cls.opaque(header))


def encode_cut(header: Header) -> bytes:
    """The bytes of a header up to the first field that was cut off."""
    done = b""
    for part in layout(type(header)):
        if isinstance(part, Loose):
            value = getattr(header, part.spec.slot)
            if value is CUT:
                return done
            if part.spec.when is None or part.spec.when(header):
                done += value if isinstance(value, bytes) else part.spec.variable.build(value, header)  # type: ignore[union-attr]
            continue
        if part.when is not None and not part.when(header):
            continue
        for word in part.words:
            if any(getattr(header, spec.slot) is CUT for spec in word.fields):
                return done
            done += _word_bytes(header, word, part.little)
    return done


def _word_bytes(header: Header, word: Word, little: bool) -> bytes:
    if isinstance(word.fields[0].kind, FixedBytes):
        return getattr(header, word.fields[0].slot)  # type: ignore[no-any-return]
    number = 0
    for spec in word.fields:
        number = number << (spec.width or 0) | getattr(header, spec.slot)
    return number.to_bytes(word.size, "little" if little else "big")


def field_spans(header: Header, offset: int) -> tuple[FieldSpan, ...]:
    """Where each field of a filled header lies, given the byte at which the header starts."""
    return tuple(_spans(header, offset))


def _spans(header: Header, offset: int) -> Iterator[FieldSpan]:
    at = offset
    for part in layout(type(header)):
        if isinstance(part, Loose):
            spec = part.spec
            if getattr(header, spec.slot) is CUT:
                return
            if spec.when is not None and not spec.when(header):
                continue
            value = getattr(header, spec.name)
            size, elements = _variable_size(header, spec, value, at)
            yield FieldSpan(spec, at * 8, size * 8, value, elements)
            at += size
            continue
        if part.when is not None and not part.when(header):
            continue
        for word in part.words:
            bit = at * 8
            for spec in word.fields:
                value = getattr(header, spec.slot)
                if value is CUT:
                    return
                yield FieldSpan(spec, bit, spec.width or 0, value)
                bit += spec.width or 0
            at += word.size


def _variable_size(header: Header, spec: FieldSpec, value: Any, at: int) -> tuple[int, tuple[ElementSpan, ...]]:
    codec = spec.variable
    assert codec is not None
    raw = getattr(header, spec.slot)
    size = len(raw) if isinstance(raw, bytes) else len(codec.build(value, header))
    if not isinstance(codec, Items):
        return size, ()
    elements = []
    for element in value:
        end = at + len(element.encode())
        elements.append(ElementSpan(element, at, end, field_spans(element, at)))
        at = end
    return size, tuple(elements)
