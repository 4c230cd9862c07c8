"""A packet as plain data: layers, fields, their meaning, how they were filled, what is wrong with them.

Made once by `look(packet)` and shown by layers.py, bytes.py, figure.py and explain.py, so that every view,
the JSON and the page tell the same. For a composed packet the bytes are those of `encapsulate()`, and a field
that was left to packetlab says how it was filled.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from packetlab.internet.ranges import mac_kind, range_of
from packetlab.interop.foreign import ForeignLayer, foreign_layers
from packetlab.model.addresses import ipv4_bytes, ipv6_bytes, mac_bytes
from packetlab.model.fault import CUT, Fault
from packetlab.model.fields import (
    Checksum,
    Count,
    FieldSpec,
    FixedBytes,
    Items,
    Key,
    Length,
    NextProtocol,
    Octets,
)
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet
from packetlab.model.trace import ElementSpan, FieldSpan, field_spans
from packetlab.model.verify import Check, verify
from packetlab.show.safe import safe_text

MOST_ELEMENTS: Final = 500
"""Elements of one field that are shown; a hostile packet may hold tens of thousands."""

_COUNTED = {
    "header": "this header", "body": "what is inside", "header+body": "this header and what is inside",
    "after": "what follows in this header",
}  # fmt: skip


@dataclass(slots=True)
class FieldView:
    """One field: where it lies, what it holds, what that means."""

    spec: FieldSpec
    value: Any
    text: str
    meaning: str
    bit_offset: int
    bit_length: int
    automatic: str = ""
    """How packetlab filled it, where it did."""
    flags: tuple[tuple[str, int, str], ...] = ()
    """Named bits that are set: name, value, meaning."""
    elements: "tuple[LayerView, ...]" = ()
    left_out: int = 0
    """Elements that are not shown."""
    checks: tuple[Check, ...] = ()

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def offset(self) -> int:
        return self.bit_offset // 8

    @property
    def end(self) -> int:
        return -(-(self.bit_offset + self.bit_length) // 8)


@dataclass(slots=True)
class LayerView:
    """One header (or one element of a field): [offset, offset + size) of the packet's bytes."""

    header: Header
    title: str
    offset: int
    size: int
    end: int
    """Where what it carries ends."""
    fields: tuple[FieldView, ...]
    faults: tuple[Fault, ...] = ()
    checks: tuple[Check, ...] = ()
    trailer: tuple[int, bytes] = (0, b"")
    """Offset and bytes that follow its body: padding."""

    @property
    def purpose(self) -> str:
        """What the protocol is for: the first paragraph of its declaration."""
        return purpose(type(self.header))


@dataclass(slots=True)
class PacketView:
    """All that can be shown of one packet."""

    packet: Packet
    data: bytes
    start: int
    """Where it begins in `data`: not 0 for a quoted packet."""
    layers: tuple[LayerView, ...]
    payload: bytes
    payload_offset: int
    frame: Frame | None = None
    composed: bool = False
    faults: tuple[Fault, ...] = ()
    checks: tuple[Check, ...] = ()
    quoted: "PacketView | None" = None
    foreign: tuple[ForeignLayer, ...] = field(default=())
    """Layers inside the payload that another library knows; see interop/foreign.py."""

    @property
    def wire_length(self) -> int:
        """Bytes that were on the wire."""
        return self.frame.wire_length if self.frame is not None else len(self.data) - self.start


def purpose(cls: type[Header]) -> str:
    """The first paragraph of a header's docstring, in one line."""
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


def title_of(cls: type[Header]) -> str:
    """The name people know: the class name, after its family's where it does not say that itself."""
    base = cls.family_base
    if base is not None and base is not cls and not is_element(cls) and base.__name__ not in cls.__name__:
        return f"{base.__name__} {member_name(cls)}"
    return cls.__name__


def member_name(cls: type[Header]) -> str:
    """The name of a family's member, without the version where the family's name ends in it already."""
    base = cls.family_base
    return cls.__name__.removesuffix("6") if base is not None and base.__name__.endswith("v6") else cls.__name__


def is_element(cls: type[Header]) -> bool:
    """Options, records and the like, which are part of a header and no layer of their own."""
    base = cls.family_base
    rides = cls.rides or cls.link_types or (base is not None and base.rides)
    return cls.name == "remainder" or ("." in cls.name and not rides)


def look(packet: Packet, frame: Frame | None = None) -> PacketView:
    """Everything that can be shown of a packet that was composed, received or recorded.

    `frame` adds what was known when it was captured. Raises UsageError only for a composed packet that
    cannot be encoded.
    """
    composed = packet.data is None
    shown = _as_sent(packet) if composed else packet
    ready = frame.checksum_ready if frame is not None else True
    view = _look(shown, packet if composed else None, verify(shown, checksum_ready=ready), shown.faults)
    view.frame, view.composed = frame, composed
    if view.payload and view.quoted is None:
        view.foreign = foreign_layers(shown, view.payload, view.payload_offset, frame.link_type if frame else None)
    return view


def _as_sent(packet: Packet) -> Packet:
    """The composed packet read back from its own bytes; as it was composed where that gives other layers."""
    if not packet.layers:
        made = Packet((), packet.payload)
        made.data = packet.payload
        return made
    filled = packet.filled()
    if all(type(a) is type(b) for a, b in zip(packet.layers, filled.layers, strict=False)) and len(
        filled.layers
    ) >= len(packet.layers):
        return filled
    data = packet.encapsulate()
    faults: list[Fault] = []
    layers = [
        type(header)._decode(data, start, end, faults)[0]
        for header, (start, _, end) in zip(packet.layers, packet.bounds(), strict=True)
    ]
    made = Packet(tuple(layers), packet.payload, packet.trailers)
    made.data, made._bounds, made._faults = data, packet.bounds(), faults
    return made


def _look(packet: Packet, composed: Packet | None, checks: tuple[Check, ...], faults: tuple[Fault, ...]) -> PacketView:
    data = packet.data or b""
    behind = dict(packet.trailers)
    layers: list[LayerView] = []
    bounds = packet.bounds()
    last = len(packet.layers) - 1
    own = [fault for fault in faults if packet.quoted is None or fault not in packet.quoted.faults]
    for index, (header, (start, body, end)) in enumerate(zip(packet.layers, bounds, strict=True)):
        mine = composed.layers[index] if composed is not None and index < len(composed.layers) else None
        upto = body if index < last else max(end, body)
        here = tuple(f for f in own if start <= f.offset < max(upto, start + 1) or (index == last and f.offset >= upto))
        seen = tuple(check for check in checks if check.layer is header)
        layers.append(
            LayerView(
                header,
                title_of(type(header)),
                start,
                body - start,
                end,
                _field_views(header, field_spans(header, start), mine, seen, index, packet),
                here,
                seen,
                (end, behind[index]) if index in behind else (0, b""),
            )
        )
    at = bounds[-1][1] if bounds else 0
    made = PacketView(packet, data, bounds[0][0] if bounds else 0, tuple(layers), packet.payload, at)
    made.faults, made.checks = faults, checks
    if packet.quoted is not None:
        made.quoted = _look(packet.quoted, None, (), packet.quoted.faults)
    return made


def _field_views(
    header: Header, spans: tuple[FieldSpan, ...], composed: Header | None, checks: tuple[Check, ...], index: int,
    packet: Packet | None,
) -> tuple[FieldView, ...]:  # fmt: skip
    found = []
    for span in spans:
        spec, value = span.spec, span.value
        text, meaning = field_text(spec, value)
        view = FieldView(spec, value, text, meaning, span.bit_offset, span.bit_length)
        view.flags = set_bits(spec, value)
        view.checks = tuple(check for check in checks if check.field is spec)
        given = getattr(composed, spec.name, None) if composed is not None else None
        if composed is not None and type(composed) is type(header) and given is None and spec.fill is not None:
            view.automatic = how_filled(spec, packet, index)
        if span.elements:
            view.elements = _element_views(span.elements[:MOST_ELEMENTS], given)
            view.left_out = max(0, len(span.elements) - MOST_ELEMENTS)
        found.append(view)
    return tuple(found)


def _element_views(elements: tuple[ElementSpan, ...], given: Any) -> tuple[LayerView, ...]:
    found = []
    for number, element in enumerate(elements):
        mine = given[number] if isinstance(given, tuple) and number < len(given) else None
        cls = type(element.header)
        fields = _field_views(element.header, element.fields, mine, (), 0, None)
        found.append(
            LayerView(element.header, title_of(cls), element.offset, element.end - element.offset, element.end, fields)
        )
    return tuple(found)


def goes_on(packet: Packet, fault: Fault) -> bool:
    """Whether bytes are missing only because a message goes on in further segments of a TCP stream."""
    if fault.cause != "sender" or fault.needed is None:
        return False
    for header, (_, body, _) in zip(packet.layers, packet.bounds(), strict=True):
        if header.name == "tcp":
            return fault.offset >= body
    return False


# ---------------------------------------------------------------- words


def how_filled(spec: FieldSpec, packet: Packet | None = None, index: int = 0) -> str:
    """How an automatic field is filled, in a few words."""
    fill = spec.fill
    if isinstance(fill, Length):
        if fill.counts.startswith("fields:"):
            return f"counted: the bytes of {fill.counts.partition(':')[2]}"
        return f"counted: {_COUNTED[fill.counts]}" + (f", in units of {fill.unit} bytes" if fill.unit > 1 else "")
    if isinstance(fill, Checksum):
        over = {
            "header": "this header",
            "message": "the whole message",
            "pseudo": "addresses, this header and what is inside",
        }[fill.over]
        return f"computed: checksum over {over}"
    if isinstance(fill, NextProtocol):
        if packet is not None and index + 1 < len(packet.layers):
            return f"from what is inside: {title_of(type(packet.layers[index + 1]))}"
        return "from what is inside: bytes that no protocol claims"
    if isinstance(fill, Count):
        return f"counted: the elements of {fill.of}"
    return "from the kind of message that was composed" if isinstance(fill, Key) else ""


def set_bits(spec: FieldSpec, value: Any) -> tuple[tuple[str, int, str], ...]:
    """The named bits that are set in a value: name, their value (shifted down), what they mean."""
    if not spec.bits or not isinstance(value, int):
        return ()
    found = []
    for one in spec.bits:
        mask = int(one)
        if value & mask:
            found.append((one.name, (value & mask) // (mask & -mask), one.text))
    return tuple(found)


def field_text(spec: FieldSpec, value: Any) -> tuple[str, str]:
    """A value as people write it, and what it means; both safe to show."""
    if value is CUT:
        return "cut off", "the bytes end before it"
    if value is None:
        return "automatic", "filled when the packet is encapsulated"
    if spec.show is not None:
        return safe_text(spec.show(value), limit=2000), _named(spec, value)
    if isinstance(spec.kind, FixedBytes) and isinstance(value, bytes):
        return spec.kind.text(value), address_meaning(spec.kind, value)
    if spec.variable is not None:
        return _variable_text(spec, value)
    if isinstance(value, int):
        return _number_text(spec, value)
    return safe_text(str(value), limit=2000), ""


def address_meaning(kind: FixedBytes, value: bytes) -> str:
    """What kind of address it is, in a word or two; empty where it is an ordinary one."""
    if kind.convert is mac_bytes:
        return mac_kind(value)
    if kind.convert is ipv4_bytes or kind.convert is ipv6_bytes:
        return range_of(value).kind
    return ""


def _variable_text(spec: FieldSpec, value: Any) -> tuple[str, str]:
    codec = spec.variable
    if isinstance(codec, Items):
        if not value:
            return "none", ""
        names = ", ".join(title_of(type(one)) for one in value[:8]) + (", …" if len(value) > 8 else "")
        return f"{len(value)}", names
    if isinstance(codec, Octets) and isinstance(value, bytes):
        if not value:
            return "empty", ""
        if codec._show is None:
            size = f"{len(value)} byte" + ("s" if len(value) != 1 else "")
            return value[:24].hex(" ") + (" …" if len(value) > 24 else ""), size
    assert codec is not None
    return safe_text(codec.text(value), limit=2000), ""


def _number_text(spec: FieldSpec, value: int) -> tuple[str, str]:
    text = f"0x{value:0{-(-(spec.width or 8) // 4)}x}" if spec.base == "hex" else str(value)
    unit = spec.unit
    if not unit and isinstance(spec.fill, Length):
        unit = "bytes"
    meaning = _named(spec, value)
    if spec.scale != 1:
        text, meaning = (
            str(value * spec.scale),
            meaning or (f"stored as {value}, in units of {spec.scale}" if value else ""),
        )
    elif isinstance(spec.fill, Length) and (spec.fill.unit, spec.fill.plus) != (1, 0):
        meaning = meaning or f"{value * spec.fill.unit + spec.fill.plus} bytes"
        unit = ""
    if unit:
        text += f" {unit}"
    if spec.bits and not meaning:
        meaning = (
            " ".join(name if size == 1 else f"{name}={size}" for name, size, _ in set_bits(spec, value)) or "none set"
        )
    if spec.expect is not None and value != spec.expect:
        meaning = f"must be {spec.expect}" + (f"; {meaning}" if meaning else "")
    if isinstance(spec.fill, Checksum) and value == 0 and spec.fill.optional:
        meaning = "no checksum was made"
    return text, meaning


def _named(spec: FieldSpec, value: Any) -> str:
    if spec.values is None or not isinstance(value, int):
        return ""
    # Only of a number that chooses a protocol or a kind is it certain that a missing name means "unknown".
    unknown = "unassigned or unknown" if isinstance(spec.fill, NextProtocol | Key) else ""
    return safe_text(spec.values.get(value, unknown))
