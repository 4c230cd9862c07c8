"""What the words of a filter mean: fields, protocols, flags, facts of the frame, and values of each kind."""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Literal

from packetlab.analysis.filter.elements import elements_of, holders
from packetlab.analysis.filter.grammar import FilterError, Quoted, Word
from packetlab.model.addresses import ipv4_bytes, ipv6_bytes, mac_bytes
from packetlab.model.errors import UsageError
from packetlab.model.fault import CUT
from packetlab.model.fields import Bit, FieldSpec, FixedBytes, Octets, UInt
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet

if TYPE_CHECKING:
    from packetlab.analysis.filter.derived import Derived

Kind = Literal["int", "bytes", "text", "float", "time"]
Layers = tuple[tuple[int, int | None], ...]
"""Which of several headers of a kind are meant: (first, last), from 1, from the end where negative."""


@dataclass(frozen=True, slots=True)
class Source:
    """One declared field, or one flag of it, that a name stands for."""

    header: type[Header]
    spec: FieldSpec
    flag: Bit | None = None

    @property
    def kind(self) -> Kind:
        if isinstance(self.spec.kind, UInt):
            return "int"
        if isinstance(self.spec.kind, FixedBytes):
            return "bytes"
        return "bytes" if isinstance(self.spec.variable, Octets) else "text"

    def scaled(self, raw: Any) -> Any:
        """The value that people mean: a flag's bits, a length in bytes. Works on numbers and on columns."""
        if self.flag is not None:
            mask = int(self.flag)
            return (raw & mask) >> ((mask & -mask).bit_length() - 1)
        return raw * self.spec.scale if self.spec.scale != 1 else raw

    def values(self, packet: Packet, layers: Layers = ()) -> Iterator[Any]:
        """Every value in a packet, outer headers first; with `layers`, of those headers only."""
        around = holders(self.header)
        if layers:
            for header in of_layers([one for one, _ in packet.walk() if isinstance(one, self.header)], layers):
                yield from self._value(header)
            return
        for header, _ in packet.walk():
            if isinstance(header, self.header):
                yield from self._value(header)
            if around and isinstance(header, around):
                for element in elements_of(header, self.header):
                    yield from self._value(element)

    def _value(self, header: Header) -> Iterator[Any]:
        raw = getattr(header, self.spec.name)
        if raw is CUT or raw is None or raw in (b"", ()):
            return
        if self.spec.when is not None and not self.spec.when(header):
            return
        if self.kind == "text":
            assert self.spec.variable is not None
            yield self.spec.variable.text(raw)
        else:
            yield self.scaled(raw) if self.kind == "int" else raw

    def raw_bytes(self, value: Any) -> bytes:
        """A value as the bytes that a slice is taken from."""
        if isinstance(value, int):
            return value.to_bytes(max(1, -(-(self.spec.width or 8) // 8)), "big")
        return value.encode() if isinstance(value, str) else bytes(value)


def of_layers(headers: Sequence[Any], layers: Layers) -> list[Any]:
    """The chosen ones of the headers of a kind, each once."""
    count = len(headers)
    wanted: set[int] = set()
    for first, last in layers:
        low = first - 1 if first > 0 else count + first
        high = count if last is None else last if last > 0 else count + last + 1
        wanted |= set(range(max(0, low), min(high, count)))
    return [headers[place] for place in sorted(wanted)]


@dataclass(frozen=True, slots=True)
class FrameFact:
    """Something that is known of the frame and stands in no header."""

    name: str
    kind: Kind
    read: Callable[[Frame, int], Any]
    """Of a frame, and the time of the first frame in nanoseconds."""


FRAME_FACTS = {
    fact.name: fact
    for fact in (
        FrameFact("frame.number", "int", lambda frame, first: frame.number),
        FrameFact("frame.len", "int", lambda frame, first: frame.wire_length),
        FrameFact("frame.cap_len", "int", lambda frame, first: len(frame.data)),
        FrameFact("frame.time_relative", "float", lambda frame, first: (frame.time - first) / 1e9),
        FrameFact("frame.time_epoch", "float", lambda frame, first: frame.time / 1e9),
        FrameFact("frame.time", "time", lambda frame, first: frame.time),
        FrameFact("frame.comment", "text", lambda frame, first: frame.comment),
        FrameFact("frame.interface_name", "text", lambda frame, first: frame.interface),
    )
}


@dataclass(frozen=True, slots=True)
class FieldName:
    """A name of fields: of one or several protocols."""

    text: str
    sources: tuple[Source, ...]

    @property
    def kind(self) -> Kind:
        return self.sources[0].kind


@dataclass(frozen=True, slots=True)
class ProtocolName:
    """A name of header classes."""

    text: str
    classes: tuple[type[Header], ...]


def is_known(text: str) -> bool:
    """Whether a bare word names a field or a protocol, and not a value."""
    from packetlab.show.names import subjects

    return text.lower() in subjects() or text.lower() in FRAME_FACTS or text.lower() in _derived()


def _derived() -> "dict[str, Derived]":
    import packetlab.protocols  # noqa: F401 - so that a header gets its place before derived.py asks for it
    from packetlab.analysis.filter.derived import DERIVED

    return DERIVED


def resolve(word: Word, filter_text: str) -> "FieldName | ProtocolName | FrameFact | Derived":
    """What a bare word names; FilterError, with the nearest names, where there is no such thing."""
    from packetlab.show.names import subjects

    name = word.text.lower()
    if name in FRAME_FACTS:
        return FRAME_FACTS[name]
    if name in _derived():
        return _derived()[name]
    if name == "frame":
        return ProtocolName("frame", (Header,))
    found = subjects().get(name, ())
    fields = _apart([Source(one.header, one.field, one.flag) for one in found if one.field is not None])
    if fields:
        first = fields[0].kind
        return FieldName(word.text, tuple(source for source in fields if source.kind == first))
    if found:
        return ProtocolName(word.text, tuple(one.header for one in found))
    near = difflib.get_close_matches(name, [*subjects(), *FRAME_FACTS, *_derived()], n=3, cutoff=0.6)
    raise FilterError(
        filter_text, word.column, f"there is no field or protocol {word.text!r}",
        remedy=f"did you mean {' or '.join(near)}?" if near else "packetlab explain lists what there is",
    )  # fmt: skip


def _apart(sources: list[Source]) -> tuple[Source, ...]:
    """Without those that another one stands for: a field that a class has from the class above it."""

    def is_held(one: Source, other: Source) -> bool:
        return (
            one.header is not other.header and issubclass(one.header, other.header)
            and (one.spec.name, one.flag) == (other.spec.name, other.flag)
        )  # fmt: skip

    return tuple(one for one in sources if not any(is_held(one, other) for other in sources))


@dataclass(frozen=True, slots=True)
class Prefix:
    """Addresses that share their first bits."""

    network: bytes
    mask: bytes

    def holds(self, value: bytes) -> bool:
        return (
            len(value) == len(self.mask) and bytes(a & b for a, b in zip(value, self.mask, strict=True)) == self.network
        )


_NUMBER = re.compile(r"[+-]?(0x[0-9a-f]+|0b[01]+|\d+)$", re.IGNORECASE)
_BYTES = re.compile(r"[0-9a-f]{1,2}([:.-])[0-9a-f]{1,2}(\1[0-9a-f]{1,2})*\1?$", re.IGNORECASE)


def number(text: str) -> int | None:
    """A number as C writes it (0x1f, 0b101, 017, 31), or None."""
    if not _NUMBER.match(text):
        return {"true": 1, "false": 0}.get(text.lower())
    digits = text.lower().lstrip("+-")
    if digits.startswith(("0x", "0b")):
        value = int(digits, 0)
    elif digits.startswith("0") and len(digits) > 1 and set(digits) <= set("01234567"):
        value = int(digits, 8)
    else:
        value = int(digits)
    return -value if text.startswith("-") else value


def some_bytes(text: str) -> bytes | None:
    """Bytes written as aa:bb:cc, aa-bb-cc, aa.bb.cc or one hex byte, or None."""
    if _BYTES.match(text):
        return bytes(int(part, 16) for part in re.split("[:.-]", text) if part)
    return bytes([int(text, 16)]) if re.fullmatch(r"[0-9a-fA-F]{2}", text) else None


def value_for(source: Source | None, kind: Kind, node: Word | Quoted, filter_text: str) -> Any:
    """The literal that is compared with a value of this kind; FilterError where it cannot be one."""
    text = node.text
    if kind == "float":
        try:
            return float(text)
        except ValueError:
            raise FilterError(filter_text, node.column, f"{text!r} is not a number of seconds") from None
    if kind == "text":
        return text
    if kind == "time":
        return _moment(node, filter_text)
    if kind == "int":
        return _integer(source, node, filter_text)
    if isinstance(node, Quoted):
        return text.encode()
    if source is not None and isinstance(source.spec.kind, FixedBytes):
        return _address(source.spec.kind, node, filter_text)
    found = some_bytes(text)
    return text.encode() if found is None else found


def _moment(node: Word | Quoted, filter_text: str) -> int:
    """Nanoseconds since 1970 of a date as ISO 8601 or Wireshark writes it; local time unless it says otherwise."""
    text = " ".join(node.text.split())
    date, dot, rest = text.partition(".")
    digits = re.match(r"\d{1,9}", rest) if dot else None
    rest = rest[digits.end() :] if digits else rest if dot else ""
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%b %d, %Y %H:%M:%S",
                 "%b %d, %Y"):  # fmt: skip
        for zone in ("", "%z", " %z", " UTC"):
            try:
                when = datetime.strptime(f"{date}{rest}".rstrip(), form + zone)
            except ValueError:
                continue
            when = when.replace(tzinfo=UTC) if zone == " UTC" else when.astimezone()
            since = when - datetime(1970, 1, 1, tzinfo=UTC)
            fraction = int(digits.group().ljust(9, "0")) if digits else 0
            return (since.days * 86400 + since.seconds) * 1_000_000_000 + fraction
    raise FilterError(filter_text, node.column, f"{node.text!r} is no date", remedy='write "2024-05-01 12:00:00"')


def _integer(source: Source | None, node: Word | Quoted, filter_text: str) -> int:
    found = number(node.text) if isinstance(node, Word) else ord(node.text) if len(node.text) == 1 else None
    if found is None and source is not None and source.spec.values:
        for key, name in source.spec.values.items():
            if name.lower() == node.text.lower():
                return key
    if found is None:
        raise FilterError(filter_text, node.column, f"{node.text!r} is not a number")
    return found


def _address(kind: FixedBytes, node: Word, filter_text: str) -> bytes | Prefix:
    text, slash, length = node.text.partition("/")
    try:
        if kind.size == 4 and slash:
            net4 = IPv4Network((text, length), strict=False)
            return Prefix(net4.network_address.packed, net4.netmask.packed)
        if kind.size == 16 and slash:
            net6 = IPv6Network((text, length), strict=False)
            return Prefix(net6.network_address.packed, net6.netmask.packed)
        if kind.size == 4:
            return ipv4_bytes(text)
        if kind.size == 16 and kind.convert is ipv6_bytes:
            return ipv6_bytes(text)
        if kind.size == 6:
            found = some_bytes(text)
            return found if found is not None and len(found) < 6 else mac_bytes(text)
    except (UsageError, ValueError):
        what = {4: "an IPv4 address", 16: "an IPv6 address", 6: "a MAC address"}[kind.size]
        raise FilterError(filter_text, node.column, f"{node.text!r} is not {what}") from None
    found = some_bytes(text)
    if found is None:
        raise FilterError(filter_text, node.column, f"{node.text!r} is not a row of bytes such as 0a:0b")
    return found
