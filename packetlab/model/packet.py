"""Packet: headers, one inside the other, and the bytes inside the last of them.

A packet is composed (`Ethernet(...) / IPv4(...) / b"data"`) or decapsulated from bytes; either way it is a
value that nothing changes. Encapsulation goes from the inside out, each layer handed the finished body.
Decapsulation goes from the outside in and never raises: what does not fit becomes a Fault on the packet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

from packetlab.model.errors import UsageError
from packetlab.model.fault import Cause, Fault
from packetlab.model.fields import NextProtocol
from packetlab.model.frame import ETHERNET_LINK_TYPE, Frame
from packetlab.model.header import Header, HeaderType

new_packet = object.__new__

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

    layers: tuple[Header, ...]
    payload: bytes
    trailers: tuple[tuple[int, bytes], ...] = ()
    """(layer index, bytes that follow that layer inside the one around it): Ethernet padding, mostly."""
    data: bytes | None = None
    """The bytes it was decapsulated from; None for a composed packet."""
    frame: Frame | None = None
    """The frame it came in, where it was read through `open_capture`."""
    quoted: "Packet | None" = None
    """The packet that an ICMP error quotes, with spans and faults in the same bytes."""
    # Most packets have none of these; as class attributes they cost nothing until they are set.
    _bounds: "list[tuple[int, int, int]] | None" = None
    _faults: "Sequence[Fault]" = ()
    _offset: int = 0
    """Where `data` begins in the bytes of the packet that quotes this one."""

    def __init__(
        self, layers: tuple[Header, ...], payload: bytes = b"", trailers: tuple[tuple[int, bytes], ...] = ()
    ) -> None:
        self.layers, self.payload = layers, payload
        if trailers:
            self.trailers = trailers

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
                body = header._assemble(body, layers, index)
            return body
        behind = dict(self.trailers)
        while index:
            index -= 1
            body = layers[index]._assemble(body, layers, index) + behind.get(index, b"")
        return body

    def refilled(self) -> "Packet":
        """The same packet with every automatic field to be filled again.

        What the last header says of what is inside it is kept: no header is there to tell.
        """
        layers = [header.refilled() for header in self.layers]
        if layers:
            last = self.layers[-1]
            kept = {spec.name: getattr(last, spec.name) for spec in last.fields if isinstance(spec.fill, NextProtocol)}
            layers[-1] = layers[-1].replace(**kept)
        return Packet(tuple(layers), self.payload, self.trailers)

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
        for header in self.layers:
            if header.__class__ is key:
                return header
        number = 0
        if type(key) is tuple:
            key, number = key
        for header in self.layers:
            if isinstance(header, key):
                if not number:
                    return header
                number -= 1
        names = " / ".join(type(header).__name__ for header in self.layers) or "nothing"
        raise KeyError(f"no {key.__name__} in {names}")

    def __contains__(self, kind: type[Header]) -> bool:
        for header in self.layers:  # noqa: SIM110 - half the time of any()
            if isinstance(header, kind):
                return True
        return False

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
        if self._bounds is None and self.data is not None:
            # Hardly anyone asks, so decapsulation does not keep them: walk the layers once more.
            at, stop, base, self._bounds = 0, len(self.data), self._offset, []
            for header in self.layers:
                _, body, end, _ = type(header)._decode(self.data, at, stop, [])
                self._bounds.append((base + at, base + body, base + end))
                at, stop = body, min(stop, end)
        if self._bounds is None:
            # A composed packet: sizes as encapsulation makes them.
            sizes, inside_bytes = [], self.payload
            behind = dict(self.trailers)
            for index in range(len(self.layers) - 1, -1, -1):
                whole = self.layers[index]._assemble(inside_bytes, self.layers, index)
                sizes.append((len(whole) - len(inside_bytes), len(inside_bytes)))
                inside_bytes = whole + behind.get(index, b"")
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
    if isinstance(outer, Packet):
        layers, trailers = outer.layers, outer.trailers
        if outer.payload:
            raise UsageError("nothing can be put inside a payload of bytes", remedy="put the header before the bytes")
    else:
        layers, trailers = (outer,), ()
    if isinstance(inner, Header):
        return Packet((*layers, inner), b"", trailers)
    if type(inner) is bytes:
        return Packet(layers, inner, trailers)
    if isinstance(inner, Packet):
        shift = len(layers)
        trailers += tuple((index + shift, data) for index, data in inner.trailers)
        return Packet(layers + inner.layers, inner.payload, trailers)
    if isinstance(inner, str):
        inner = inner.encode()
    if not isinstance(inner, bytes | bytearray | memoryview):
        raise UsageError(f"{inner!r} cannot be put inside a header", remedy="give a header, a packet, bytes or text")
    return Packet(layers, bytes(inner), trailers)


Header.compose = staticmethod(compose)  # type: ignore[method-assign]


def decapsulate(
    data: bytes,
    first: type[Header] | int | None = None,
    *,
    wire_length: int | None = None,
    _depth: int = 0,
    _base: int = 0,
) -> Packet:
    """Take a packet apart, from the outside in. Never raises, whatever the bytes.

    `first` is the outermost header's class, or a LINKTYPE_ number; Ethernet where it is not given.
    `wire_length` is the length that was on the wire, where the capture may have kept less of it.

    It knows the protocols whose modules are loaded: all of them after `import packetlab.protocols`, which
    `packetlab.decapsulate` does by itself.
    """
    if type(data) is not bytes:
        data = bytes(data)
    klass: Any = first
    if klass is None:
        klass = _ETHERNET or first_header(ETHERNET_LINK_TYPE)
    elif isinstance(klass, int):
        klass = _FIRST.get(klass) or first_header(klass)
    packet = new_packet(Packet)
    packet.data = data
    faults: list[Fault] = []
    layers: list[Header] = []
    at, stop = 0, len(data)
    while klass is not None:
        header, at, body_end, klass = klass._decode(data, at, stop, faults)
        layers.append(header)
        if body_end < stop:
            packet.trailers = (*packet.trailers, (len(layers) - 1, data[body_end:stop]))
            stop = body_end
        if len(layers) >= MAX_LAYERS and klass is not None:
            faults.append(Fault(klass.__name__, at, f"more than {MAX_LAYERS} headers inside one another"))
            break
    packet.layers = tuple(layers)
    packet.payload = data[at:stop]
    if at < stop and layers and header.quotes is not None and _depth < MAX_QUOTES:
        packet.quoted = _quote(data[at:stop], header.quotes, _depth + 1, _base + at)
    if faults:
        packet._faults = _of_first_fragment(packet, faults)
        if wire_length is not None and wire_length > len(data):
            packet._faults = _blame(packet._faults, "capture")
    return packet


def _quote(data: bytes, first: type[Header], depth: int, base: int) -> Packet:
    """The packet quoted in an ICMP error, `base` bytes into it; what is missing of it is nobody's fault."""
    quoted = decapsulate(data, first, _depth=depth, _base=base)
    quoted._offset, quoted._bounds = base, None  # bounds that were asked for on the way lacked the offset
    quoted._faults = _blame([replace(fault, offset=fault.offset + base) for fault in quoted._faults], "quote")
    return quoted


def _of_first_fragment(packet: Packet, faults: Sequence[Fault]) -> Sequence[Fault]:
    """What is missing inside the first fragment of a datagram is in the others."""
    for header, span in zip(packet.layers, packet.spans, strict=True):
        if getattr(header, "more_fragments", 0):
            return [replace(f, cause="fragment") if f.offset >= span.body and f.needed else f for f in faults]
    return faults


def _blame(faults: Sequence[Fault], cause: Cause) -> list[Fault]:
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
_ETHERNET: type[Header] | None = None


def first_header(link_type: int) -> type[Header] | None:
    """The class with which packets of that LINKTYPE_ begin, or None where packetlab knows none."""
    global _ETHERNET
    if link_type not in _FIRST:
        for kind in Header.subclasses:
            for number in kind.link_types:
                _FIRST[number] = kind
        _ETHERNET = _FIRST.get(ETHERNET_LINK_TYPE)
    return _FIRST.get(link_type)
