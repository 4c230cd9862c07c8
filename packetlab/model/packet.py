"""Packet: headers, one inside the other, and the bytes inside the last of them.

A packet is composed (`Ethernet(...) / IPv4(...) / b"data"`) or decapsulated from bytes; either way it is a
value that nothing changes. Encapsulation goes from the inside out, each layer handed the finished body.
Decapsulation goes from the outside in and never raises: what does not fit becomes a Fault on the packet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, overload

from packetlab.model.errors import UsageError
from packetlab.model.fault import Cause, Fault
from packetlab.model.header import Header, HeaderType

MAX_LAYERS = 64
"""Headers inside headers; more are left undecoded, with a fault."""
MAX_QUOTES = 4
"""Packets quoted in ICMP errors inside packets quoted in ICMP errors."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a layer lies in the captured bytes: header [start, body), body [body, end)."""

    start: int
    body: int
    end: int


class Packet:
    """Layers from the outside in, and the payload that no header describes."""

    __slots__ = ("_bounds", "_faults", "data", "layers", "payload", "quoted", "trailers")

    layers: tuple[Header, ...]
    payload: bytes
    trailers: tuple[tuple[int, bytes], ...]
    """(layer index, bytes that follow that layer inside the one around it): Ethernet padding, mostly."""
    data: bytes | None
    """The bytes it was decapsulated from; None for a composed packet."""
    quoted: "Packet | None"
    """The packet that an ICMP error quotes, with spans and faults in the same bytes."""

    def __init__(
        self,
        layers: tuple[Header, ...],
        payload: bytes = b"",
        *,
        trailers: tuple[tuple[int, bytes], ...] = (),
        quoted: "Packet | None" = None,
    ) -> None:
        self.layers, self.payload, self.trailers, self.quoted = layers, payload, trailers, quoted
        self.data: bytes | None = None
        self._bounds: list[tuple[int, int, int]] | None = None
        self._faults: list[Fault] = []

    # ------------------------------------------------------------ composing

    def __truediv__(self, inner: "Header | Packet | bytes | str") -> "Packet":
        return compose(self, inner)

    def encapsulate(self) -> bytes:
        """The packet's bytes, automatic fields filled where they were not given.

        Raises UsageError where a value cannot be encoded.
        """
        layers, body = self.layers, self.payload
        index = len(layers)
        if not self.trailers:
            while index:
                index -= 1
                header = layers[index]
                body = header._assemble(body, layers, index)  # type: ignore[call-arg,arg-type]
            return body
        behind = dict(self.trailers)
        while index:
            index -= 1
            body = layers[index]._assemble(body, layers, index) + behind.get(index, b"")  # type: ignore[call-arg,arg-type,operator]
        return body

    def refilled(self) -> "Packet":
        """The same packet with every automatic field to be filled again."""
        return Packet(tuple(header.refilled() for header in self.layers), self.payload, trailers=self.trailers)

    def filled(self) -> "Packet":
        """The packet as it would be on the wire: encapsulated, and read back layer by layer."""
        first = type(self.layers[0]) if self.layers else None
        return decapsulate(self.encapsulate(), first) if first else self

    # ------------------------------------------------------------ asking

    @overload
    def __getitem__(self, key: type[HeaderType]) -> HeaderType: ...
    @overload
    def __getitem__(self, key: tuple[type[HeaderType], int]) -> HeaderType: ...
    def __getitem__(self, key: Any) -> Any:
        """`packet[TCP]`: the outermost TCP header; `packet[IPv4, 1]`: the second. KeyError where there is none."""
        number = 0
        if type(key) is tuple:
            key, number = key
        for header in self.layers:
            if header.__class__ is key or isinstance(header, key):
                if not number:
                    return header
                number -= 1
        names = " / ".join(type(header).__name__ for header in self.layers) or "nothing"
        raise KeyError(f"no {key.__name__} in {names}")

    def __contains__(self, kind: type[Header]) -> bool:
        return any(isinstance(header, kind) for header in self.layers)

    def get(self, kind: type[HeaderType]) -> HeaderType | None:
        """The outermost header of that class, or None."""
        for header in self.layers:
            if isinstance(header, kind):
                return header
        return None

    def index(self, kind: type[Header]) -> int:
        """The place of the outermost header of that class among the layers; KeyError where there is none."""
        for number, header in enumerate(self.layers):
            if isinstance(header, kind):
                return number
        raise KeyError(kind.__name__)

    @property
    def spans(self) -> tuple[Span, ...]:
        """Where each layer lies in `data` (in `encapsulate()`, for a composed packet)."""
        return tuple(Span(*bounds) for bounds in self.bounds())

    def bounds(self) -> list[tuple[int, int, int]]:
        """The same as plain tuples (start, body, end)."""
        if self._bounds is None:
            # A composed packet: sizes as encapsulation makes them.
            sizes, body = [], self.payload
            behind = dict(self.trailers)
            for index in range(len(self.layers) - 1, -1, -1):
                whole = self.layers[index]._assemble(body, self.layers, index)  # type: ignore[call-arg,arg-type]
                sizes.append((len(whole) - len(body), len(body)))  # type: ignore[arg-type]
                body = whole + behind.get(index, b"")  # type: ignore[operator]
            at, found = 0, []
            for head, inside in reversed(sizes):
                found.append((at, at + head, at + head + inside))
                at += head
            self._bounds = found
        return self._bounds

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All that is wrong with the bytes, options and quoted packet included."""
        found = list(self._faults)
        for header, (start, _, _) in zip(self.layers, self.bounds(), strict=True):
            found.extend(_lazy_faults(header, start))
        if self.quoted is not None:
            found.extend(self.quoted.faults)
        return tuple(sorted(found, key=lambda fault: fault.offset))

    def check(self, *, checksum_ready: bool = True) -> "tuple[Any, ...]":
        """Verify every length and checksum; see model/verify.py."""
        from packetlab.model.verify import verify

        return verify(self, checksum_ready=checksum_ready)

    def walk(self) -> Iterator[tuple[Header, int]]:
        """Every header with its offset, those of the quoted packet included."""
        for header, (start, _, _) in zip(self.layers, self.bounds(), strict=True):
            yield header, start
        if self.quoted is not None:
            yield from self.quoted.walk()

    def __len__(self) -> int:
        return len(self.data) if self.data is not None else len(self.encapsulate())

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Packet)
            and self.layers == other.layers
            and self.payload == other.payload
            and self.trailers == other.trailers
        )

    def __hash__(self) -> int:
        return hash((self.layers, self.payload))

    def __repr__(self) -> str:
        parts = [repr(header) for header in self.layers]
        if self.payload:
            parts.append(repr(self.payload) if len(self.payload) <= 40 else f"<{len(self.payload)} bytes>")
        return " / ".join(parts) or "<empty packet>"


def compose(outer: "Header | Packet", inner: "Header | Packet | bytes | str") -> Packet:
    """`outer / inner`. Text becomes UTF-8 bytes; nothing can be put inside bytes."""
    left = outer if isinstance(outer, Packet) else Packet((outer,))
    if left.payload:
        raise UsageError("nothing can be put inside a payload of bytes", remedy="put the header before the bytes")
    if isinstance(inner, Header):
        return Packet((*left.layers, inner), trailers=left.trailers)
    if isinstance(inner, Packet):
        shift = len(left.layers)
        trailers = left.trailers + tuple((index + shift, data) for index, data in inner.trailers)
        return Packet(left.layers + inner.layers, inner.payload, trailers=trailers, quoted=inner.quoted)
    if isinstance(inner, str):
        inner = inner.encode()
    if not isinstance(inner, bytes | bytearray | memoryview):
        raise UsageError(f"{inner!r} cannot be put inside a header", remedy="give a header, a packet, bytes or text")
    return Packet(left.layers, bytes(inner), trailers=left.trailers)


def decapsulate(data: bytes, first: type[Header] | int | None = None, *, wire_length: int | None = None) -> Packet:
    """Take a packet apart, from the outside in. Never raises, whatever the bytes.

    `first` is the outermost header's class, or a LINKTYPE_ number; Ethernet where it is not given.
    `wire_length` is the length that was on the wire, where the capture may have kept less of it.
    """
    if type(data) is not bytes:
        data = bytes(data)
    if first is None or isinstance(first, int):
        first = first_header(1 if first is None else first)
    packet = _decapsulate(data, first, 0, len(data), 0)
    if packet._faults and wire_length is not None and wire_length > len(data):
        packet._faults = _blame(packet._faults, "capture")
    return packet


def _decapsulate(data: bytes, first: type[Header] | None, pos: int, end: int, depth: int) -> Packet:
    layers: list[Header] = []
    bounds: list[tuple[int, int, int]] = []
    faults: list[Fault] = []
    klass: Any = first
    at, stop = pos, end
    trailers: Any = ()
    header: Any = None
    while klass is not None:
        header, body, body_end, klass = klass._decode(data, at, stop, faults)
        if body_end < stop:
            trailers = (*trailers, (len(layers), data[body_end:stop]))
            stop = body_end
        layers.append(header)
        bounds.append((at, body, body_end))
        at = body
        if len(layers) >= MAX_LAYERS and klass is not None:
            faults.append(Fault(klass.__name__, at, f"more than {MAX_LAYERS} headers inside one another"))
            break
    packet = Packet.__new__(Packet)
    packet.layers = tuple(layers)
    packet.payload = data[at:stop]
    packet.trailers = trailers
    packet.data = data
    packet.quoted = None
    packet._bounds = bounds
    packet._faults = faults
    if header is not None and header.quotes is not None and at < stop and depth < MAX_QUOTES:
        quoted = _decapsulate(data, header.quotes, at, stop, depth + 1)
        quoted._faults = _blame(quoted._faults, "quote")
        packet.quoted = quoted
    if faults:
        first_fragment = next((n for n, h in enumerate(layers) if getattr(h, "more_fragments", 0)), None)
        if first_fragment is not None:
            inside = bounds[first_fragment][1]
            packet._faults = [replace(f, cause="fragment") if f.offset >= inside and f.needed else f for f in faults]
    return packet


def _blame(faults: list[Fault], cause: Cause) -> list[Fault]:
    """Bytes that are missing because somebody on the way kept less: not the sender's fault."""
    return [
        replace(fault, cause=cause)
        if fault.cause == "sender" and fault.needed is not None and fault.had is not None and fault.needed > fault.had
        else fault
        for fault in faults
    ]


def _lazy_faults(header: Header, start: int) -> list[Fault]:
    found: list[Fault] = []
    for spec in header.fields:
        if spec.variable is None or not spec.variable.lazy:
            continue
        value = getattr(header, spec.name)
        if type(value) is tuple and value:
            from packetlab.model.trace import field_spans, shifted

            place = next((span for span in field_spans(header, start) if span.spec is spec), None)
            if place is None:
                continue
            raw = spec.variable.build(value, header)
            mine: list[Fault] = []
            spec.variable.take(raw, 0, len(raw), header, mine)
            found.extend(shifted(mine, place.offset))
    return found


_FIRST: dict[int, type[Header]] = {}


def first_header(link_type: int) -> type[Header] | None:
    """The class with which packets of that LINKTYPE_ begin, or None where packetlab knows none."""
    if link_type not in _FIRST:
        for kind in Header.subclasses:
            for number in kind.link_types:
                _FIRST[number] = kind
    return _FIRST.get(link_type)
