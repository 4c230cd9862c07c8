"""The words with which a header is declared: field types, `field`, `auto`, `octets`, `items`, `bit`.

A header is an annotated class. The annotation gives a fixed field its width (`u16`, `mac`, `ipv4`), the
right-hand side gives it its meaning and how it is filled. One line is the only place where a field's facts
stand; codec, printer, figure, filter names and tests are all made from the `FieldSpec` that comes of it.

Only `field` is a field specifier for type checkers: a `field` without default must be given to the
constructor, everything else may be left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, overload

from packetlab.model.addresses import ipv4_bytes, ipv4_text, ipv6_bytes, ipv6_text, mac_bytes, mac_text
from packetlab.model.errors import UsageError
from packetlab.model.fault import Fault

REQUIRED: Final[Any] = type("Required", (), {"__repr__": lambda self: "<required>"})()
"""The default of a field that has none."""


# ---------------------------------------------------------------- types of fixed width


@dataclass(frozen=True, slots=True)
class UInt:
    """An unsigned integer of 1 to 64 bits, most significant bit first unless `little`."""

    bits: int
    little: bool = False


@dataclass(frozen=True, slots=True)
class FixedBytes:
    """A fixed number of bytes with a spelling of their own."""

    size: int
    convert: Callable[[Any], bytes]
    text: Callable[[bytes], str]

    @property
    def bits(self) -> int:
        return self.size * 8


u1 = Annotated[int, UInt(1)]
u2 = Annotated[int, UInt(2)]
u3 = Annotated[int, UInt(3)]
u4 = Annotated[int, UInt(4)]
u5 = Annotated[int, UInt(5)]
u6 = Annotated[int, UInt(6)]
u7 = Annotated[int, UInt(7)]
u8 = Annotated[int, UInt(8)]
u9 = Annotated[int, UInt(9)]
u10 = Annotated[int, UInt(10)]
u11 = Annotated[int, UInt(11)]
u12 = Annotated[int, UInt(12)]
u13 = Annotated[int, UInt(13)]
u14 = Annotated[int, UInt(14)]
u15 = Annotated[int, UInt(15)]
u16 = Annotated[int, UInt(16)]
u20 = Annotated[int, UInt(20)]
u24 = Annotated[int, UInt(24)]
u29 = Annotated[int, UInt(29)]
u32 = Annotated[int, UInt(32)]
u48 = Annotated[int, UInt(48)]
u64 = Annotated[int, UInt(64)]
u16le = Annotated[int, UInt(16, little=True)]
u32le = Annotated[int, UInt(32, little=True)]
u64le = Annotated[int, UInt(64, little=True)]

if TYPE_CHECKING:
    # To a type checker an address field is a descriptor: it takes text, bytes or an ipaddress object, and
    # gives back bytes.
    class mac:  # noqa: N801
        @overload
        def __get__(self, instance: None, owner: Any) -> Any: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> bytes: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: bytes | str) -> None: ...

    class ipv4:  # noqa: N801
        @overload
        def __get__(self, instance: None, owner: Any) -> Any: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> bytes: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: bytes | str | IPv4Address) -> None: ...

    class ipv6:  # noqa: N801
        @overload
        def __get__(self, instance: None, owner: Any) -> Any: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> bytes: ...
        def __get__(self, instance: Any, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: bytes | str | IPv6Address) -> None: ...

else:
    mac = Annotated[bytes, FixedBytes(6, mac_bytes, mac_text)]
    ipv4 = Annotated[bytes, FixedBytes(4, ipv4_bytes, ipv4_text)]
    ipv6 = Annotated[bytes, FixedBytes(16, ipv6_bytes, ipv6_text)]


def _hex_bytes(size: int) -> FixedBytes:
    def convert(value: Any) -> bytes:
        if not isinstance(value, bytes | bytearray | memoryview) or len(value) != size:
            raise UsageError(f"this field takes exactly {size} bytes, not {value!r}")
        return bytes(value)

    return FixedBytes(size, convert, bytes.hex)


bytes3 = Annotated[bytes, _hex_bytes(3)]
bytes4 = Annotated[bytes, _hex_bytes(4)]
bytes6 = Annotated[bytes, _hex_bytes(6)]
bytes8 = Annotated[bytes, _hex_bytes(8)]
bytes16 = Annotated[bytes, _hex_bytes(16)]
bytes32 = Annotated[bytes, _hex_bytes(32)]


# ---------------------------------------------------------------- named bits


class Bit(int):
    """One named bit (or run of bits) of a flags field: an int that knows its name and meaning."""

    name: str
    text: str
    wireshark: str
    unnamed: str

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


def bit(mask: int, text: str, *, wireshark: str = "", unnamed: str = "") -> Bit:
    """A named bit; `unnamed` is the reason where Wireshark has no name for it."""
    made = Bit(mask)
    made.name, made.text, made.wireshark, made.unnamed = "", text, wireshark, unnamed
    return made


def bits_from_text(text: str, bits: tuple[Bit, ...]) -> int:
    """`"SYN ACK"`, `"syn|ack"` or `"SYN,ACK"` as a number."""
    known = {bit.name.lower(): int(bit) for bit in bits}
    total = 0
    for word in text.replace("|", " ").replace(",", " ").replace("+", " ").split():
        if word.lower() not in known:
            raise UsageError(f"{word!r} is no flag here", remedy="the flags are " + ", ".join(b.name for b in bits))
        total |= known[word.lower()]
    return total


# ---------------------------------------------------------------- how a field is filled


@dataclass(frozen=True, slots=True)
class Length:
    """Counts bytes of its own header, of the body, of both, or of what follows it in the header ("after").

    The raw value times `unit` plus `plus` is that number of bytes. With `zero_is_rest` a zero means
    "whatever is there" (segmentation offload, jumbograms). "fields:NAME" counts one other field.
    """

    counts: str
    unit: int = 1
    plus: int = 0
    zero_is_rest: bool = False


@dataclass(frozen=True, slots=True)
class Checksum:
    """RFC 1071 over the header, the whole message, or the message and a pseudo-header."""

    over: Literal["header", "message", "pseudo"]
    zero_as: int | None = None
    optional: bool = False
    """A zero means that the sender made none (UDP over IPv4)."""


@dataclass(frozen=True, slots=True)
class NextProtocol:
    """The key of the header inside, from the table that the `rides=` of all headers fill."""

    otherwise: int
    """What stands there when raw bytes, or a protocol without a key, are inside."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many elements another field of the same header holds."""

    of: str


@dataclass(frozen=True, slots=True)
class Key:
    """Tells the members of a family of headers apart (an ICMP type, an option's kind)."""


Fill = Length | Checksum | NextProtocol | Count | Key


# ---------------------------------------------------------------- fields of variable length


class NeedMore(Exception):
    """Inside a decoder only: this field needs more bytes than there are."""

    def __init__(self, needed: int, had: int) -> None:
        super().__init__(needed, had)
        self.needed, self.had = needed, had


class Variable:
    """How a field whose length is not fixed is read, written and spelled. Subclass for new kinds of field.

    A subclass that is `lazy` must be the last field of a header whose length is known: the object then keeps
    its raw bytes and calls `parse` when the field is first looked at.
    """

    lazy = False
    empty: Any = b""
    minimum = 0
    """The fewest bytes it can take."""

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[Any, int]:
        """The value at `pos` and where it ends, never beyond `end`; raises only NeedMore."""
        raise NotImplementedError

    def build(self, value: Any, header: Any) -> bytes:
        """The bytes of a value, the same that `take` read it from."""
        raise NotImplementedError

    def convert(self, value: Any) -> Any:
        """What the constructor was given, as it is kept; raises UsageError."""
        return value

    def text(self, value: Any) -> str:
        """The value as people write it."""
        return str(value)


Size = int | str | Callable[[Any], int] | None


class Octets(Variable):
    """Bytes: of a fixed size, of the size that another field or a function says, or all the rest."""

    def __init__(self, size: Size, show: Callable[[bytes], str] | None) -> None:
        self.size, self._show = size, show
        self.minimum = size if isinstance(size, int) else 0

    def _wanted(self, header: Any) -> int | None:
        if self.size is None or isinstance(self.size, int):
            return self.size
        return getattr(header, self.size) if isinstance(self.size, str) else self.size(header)

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[bytes, int]:
        wanted = self._wanted(header)
        if wanted is None:
            return data[pos:end], end
        if wanted < 0 or pos + wanted > end:
            raise NeedMore(wanted, end - pos)
        return data[pos : pos + wanted], pos + wanted

    def build(self, value: bytes, header: Any) -> bytes:
        return value

    def convert(self, value: Any) -> bytes:
        if isinstance(value, str):
            return value.encode()
        if not isinstance(value, bytes | bytearray | memoryview):
            raise UsageError(f"this field takes bytes, not {value!r}")
        return bytes(value)

    def text(self, value: bytes) -> str:
        return self._show(value) if self._show else value.hex()


class Unpadded(tuple[Any, ...]):
    """Elements read from a list that ended before its padding did: written again, it gets none."""

    __slots__ = ()


class Items(Variable):
    """A run of elements, each a header of its own: options, records, addresses.

    They are read up to the end of the header, or as many as the field `count` says, or while `more`, asked
    with the last element, says so. After an element of class `stop` the rest is kept raw.
    """

    empty: Any = ()

    def __init__(
        self, of: Any, count: str | None, pad: int, stop: Any, more: Callable[[Any], bool] | None, lazy: bool
    ) -> None:
        self.of, self.count, self.pad, self.stop, self.more, self.lazy = of, count, pad, stop, more, lazy

    def _class(self) -> Any:
        return self.of if isinstance(self.of, type) else self.of()

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[Any, int]:
        element, found, start = self._class(), [], pos
        left = getattr(header, self.count) if self.count else -1
        while left and (pos < end or left > 0):
            before = len(faults)
            if pos >= end:
                raise NeedMore(1, 0)
            made, after, _, _ = element._decode(data, pos, end, faults)
            if after <= pos:  # an element of no bytes would be read for ever
                break
            found.append(made)
            pos, left = after, left - 1
            if len(faults) > before and made.is_cut:
                break
            if self.stop is not None and isinstance(made, self.stop):
                break
            if self.more is not None and not self.more(made):
                return tuple(found), pos
        if pos < end and not self.count and self.more is None:
            found.append(element.remainder(data[pos:end]))
            pos = end
        if self.pad > 1 and (pos - start) % self.pad:
            return Unpadded(found), pos
        return tuple(found), pos

    def build(self, value: Any, header: Any) -> bytes:
        data = b"".join([element.encode() for element in value])
        return data + bytes(-len(data) % self.pad) if self.pad > 1 and type(value) is not Unpadded else data

    def convert(self, value: Any) -> Any:
        element, made = self._class(), value if type(value) is Unpadded else tuple(value)
        for one in made:
            if not isinstance(one, element.element_base) and one.name != "remainder":
                raise UsageError(f"{one!r} is no {element.__name__}")
        return made

    def text(self, value: Any) -> str:
        return ", ".join(str(element) for element in value)


# ---------------------------------------------------------------- the field itself


@dataclass(slots=True, eq=False)
class FieldSpec:
    """All that is known of one field; one object per declaration, equal only to itself.

    `name` and `kind` are set when the class is made.
    """

    text: str
    default: Any = REQUIRED
    wireshark: str = ""
    unnamed: str = ""
    """Why Wireshark has no name for it, where it has none."""
    also: tuple[str, ...] = ()
    """Further names in display filters, such as ip.addr for both addresses."""
    values: Mapping[int, str] | None = None
    bits: tuple[Bit, ...] = ()
    unit: str = ""
    scale: int = 1
    """The raw value times this is what people, and Wireshark, mean (a header length of 5 words is 20 bytes)."""
    base: Literal["dec", "hex"] = "dec"
    ref: str = ""
    expect: int | None = None
    when: Callable[[Any], Any] | None = None
    fill: Fill | None = None
    variable: Variable | None = None
    show: Callable[[Any], str] | None = None
    name: str = ""
    kind: UInt | FixedBytes | None = None

    @property
    def width(self) -> int | None:
        """Bits, or None where the length is not fixed."""
        return self.kind.bits if self.kind else None

    @property
    def slot(self) -> str:
        """The attribute that keeps it: raw, behind an underscore, where it is parsed only when looked at."""
        return "_" + self.name if self.variable is not None and self.variable.lazy else self.name


def field(
    text: str,
    *,
    default: Any = REQUIRED,
    wireshark: str = "",
    unnamed: str = "",
    also: tuple[str, ...] = (),
    values: Mapping[int, str] | None = None,
    bits: tuple[Bit, ...] = (),
    unit: str = "",
    scale: int = 1,
    base: Literal["dec", "hex"] = "dec",
    ref: str = "",
    expect: int | None = None,
    when: Callable[[Any], Any] | None = None,
    show: Callable[[Any], str] | None = None,
) -> Any:
    """A field of fixed width, whose width is its annotation.

    `text` says in plain English what it is for. `expect` is the only right value (and the default);
    `when(header)` is false where the field is absent; `values` names numbers.
    """
    if expect is not None and default is REQUIRED:
        default = expect
    return FieldSpec(
        text, default, wireshark, unnamed, also, values, bits, unit, scale, base, ref, expect, when, show=show
    )


def preset(text: str, default: Any, **more: Any) -> Any:
    """A `field` with a default; type checkers then let the constructor leave it out."""
    return field(text, default=default, **more)


def octets(text: str, *, size: Size = None, show: Callable[[bytes], str] | None = None, **more: Any) -> Any:
    """Bytes. `size`: a number, the name of the field that says it, a function of the header, or the rest."""
    more.setdefault("default", b"")
    spec: FieldSpec = field(text, **more)
    spec.variable = Octets(size, show)
    return spec


def items(
    text: str,
    of: Any,
    *,
    count: str | None = None,
    pad: int = 1,
    stop: Any = None,
    more: Callable[[Any], bool] | None = None,
    lazy: bool = False,
    **rest: Any,
) -> Any:
    """A tuple of elements of class `of` (or a function that gives it, where it is declared later)."""
    rest.setdefault("default", ())
    spec: FieldSpec = field(text, **rest)
    spec.variable = Items(of, count, pad, stop, more, lazy)
    return spec


def variable(text: str, codec: Variable, **more: Any) -> Any:
    """A field with a codec of its own (a domain name, a line of text)."""
    more.setdefault("default", codec.empty)
    spec: FieldSpec = field(text, **more)
    spec.variable = codec
    return spec


class auto:  # noqa: N801 - reads as a word of the declaration language
    """Fields that encapsulation fills in. A value given by hand is kept, right or wrong."""

    @staticmethod
    def _filled(fill: Fill, text: str, more: dict[str, Any]) -> Any:
        spec: FieldSpec = field(text, default=None, **more)
        spec.fill = fill
        return spec

    @staticmethod
    def length(
        text: str,
        *,
        counts: str = "header+body",
        unit: int = 1,
        plus: int = 0,
        zero_is_rest: bool = False,
        **more: Any,
    ) -> Any:
        """A number of bytes; see Length."""
        return auto._filled(Length(counts, unit, plus, zero_is_rest), text, more)

    @staticmethod
    def checksum(
        text: str = "ones'-complement sum that finds damage on the way",
        *,
        over: Literal["header", "message", "pseudo"],
        zero_as: int | None = None,
        optional: bool = False,
        **more: Any,
    ) -> Any:
        """An Internet checksum; see Checksum."""
        return auto._filled(Checksum(over, zero_as, optional), text, {"base": "hex", **more})

    @staticmethod
    def next_protocol(text: str, *, otherwise: int, **more: Any) -> Any:
        """Which protocol is inside; `otherwise` stands where raw bytes are."""
        return auto._filled(NextProtocol(otherwise), text, more)

    @staticmethod
    def count(text: str, *, of: str, **more: Any) -> Any:
        """How many elements the field `of` holds."""
        return auto._filled(Count(of), text, more)

    @staticmethod
    def key(text: str, **more: Any) -> Any:
        """Which member of its family this header is."""
        return auto._filled(Key(), text, more)
