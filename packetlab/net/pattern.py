"""What a test expects of a packet, and how near another packet came: patterns that can explain themselves.

A pattern is a list of conditions. A display filter is cut at its outermost `and`s; of a packet each layer is one
condition and each field that it was given another; a function is a single one. The packet that fulfils most of
them is the nearest, and the first condition that it does not fulfil is what a reader wants to hear of.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packetlab.model.addresses import ip_text, mac_text
from packetlab.model.errors import UsageError
from packetlab.model.header import Header, walk_fields
from packetlab.model.packet import Packet

if TYPE_CHECKING:
    from packetlab.analysis.filter import Filter


HAS_VALUE = "it is "
"""How the text of what a packet has instead begins, where it has the field."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is wanted: `holds`, and what a packet `has` instead ("" where nothing short can be said)."""

    text: str
    holds: Callable[[Packet], bool]
    has: Callable[[Packet], str]


class Pattern:
    """Made of a display filter, of a packet or header whose given fields must be equal, or of a function."""

    def __init__(self, wanted: "str | Packet | Header | Callable[[Packet], object]") -> None:
        """UsageError where a filter cannot be understood."""
        self._whole: Callable[[Packet], bool]
        if isinstance(wanted, str):
            from packetlab.analysis.filter import parse

            whole = parse(wanted)
            self.text = wanted
            self.conditions = [_filter_condition(part) for part in _parts(wanted)]
            self._whole = lambda packet: _fits(whole, packet)
        elif isinstance(wanted, Packet | Header):
            packet = wanted if isinstance(wanted, Packet) else Packet((wanted,))
            self.text = repr(wanted)
            self.conditions = list(_packet_conditions(packet))
            self._whole = lambda seen: all(condition.holds(seen) for condition in self.conditions)
        elif callable(wanted):
            function: Callable[[Packet], object] = wanted
            name = getattr(wanted, "__name__", "").replace("<lambda>", "") or "the function"
            self.text = f"a packet for which {name} is true"
            self._whole = lambda packet: _is_true(function, packet)
            self.conditions = [Condition(f"{name}(packet)", self._whole, lambda packet: "it is false")]
        else:
            raise UsageError(
                f"{wanted!r} says nothing about packets",
                remedy='expect a display filter as "udp.port == 7", a packet as UDP(...), or a function',
            )

    def matches(self, packet: Packet) -> bool:
        """Whether it is what is wanted."""
        return self._whole(packet)

    def nearness(self, packet: Packet) -> int:
        """How many conditions a packet fulfils."""
        return sum(condition.holds(packet) for condition in self.conditions)

    def has_field(self, packet: Packet) -> bool:
        """Whether a packet that does not match has another value where one was wanted."""
        return self.difference(packet)[1].startswith(HAS_VALUE)

    def difference(self, packet: Packet) -> tuple[str, str]:
        """The first condition that a packet does not fulfil, and what it has instead."""
        for condition in self.conditions:
            if not condition.holds(packet):
                return condition.text, condition.has(packet)
        return self.text, ""


def _is_true(function: Callable[[Packet], object], packet: Packet) -> bool:
    try:
        return bool(function(packet))
    except KeyError as error:
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        if trace is None or trace.tb_frame.f_code is not Packet.__getitem__.__code__:
            raise
        return False  # packet[TCP] of a packet without TCP


# ---------------------------------------------------------------- display filters


def _parts(text: str) -> list[str]:
    """The parts of a filter between its outermost `and`s; the whole where an `or` stands beside them."""
    from packetlab.analysis.filter import parse

    depth, quote, parts, start, at = 0, "", [], 0, 0
    while at < len(text):
        letter = text[at]
        if quote:
            at += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif not depth and (text.startswith("&&", at) or text[at : at + 5].lower() == " and "):
            width = 2 if letter == "&" else 5
            parts.append(text[start:at].strip())
            start = at = at + width
            continue
        elif not depth and (text.startswith("||", at) or text[at : at + 4].lower() in (" or ", " xor")):
            return [text]
        at += 1
    parts.append(text[start:].strip())
    try:
        for part in parts:
            parse(part)
    except UsageError:
        return [text]
    return parts


def _filter_condition(text: str) -> Condition:
    from packetlab.analysis.filter import parse

    test = parse(text)

    return Condition(text, lambda packet: _fits(test, packet), lambda packet: _values(test, packet))


def _fits(test: "Filter", packet: Packet) -> bool:
    return test.matches(packet, packet.frame) if packet.frame else test.matches(packet)


def _values(test: "Filter", packet: Packet) -> str:
    """What the field of a comparison is in this packet."""
    subject = getattr(test.test, "subject", None)
    if subject is None or packet.frame is None:
        return ""
    found = [
        _readable(value) if isinstance(value, bytes) and '"' in test.text else _value_text(value, "0x" in test.text)
        for value in subject.values(packet, packet.frame, 0)
    ]
    return HAS_VALUE + ", ".join(found) if found else "it has no such field"


def _readable(value: bytes) -> str:
    """The end of what was searched for a text."""
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in value[-40:])
    return f'{"..." if len(value) > 40 else ""}"{text}"'


def _value_text(value: Any, hexadecimal: bool = False) -> str:
    if isinstance(value, bytes):
        if len(value) in (4, 6, 16):
            return mac_text(value) if len(value) == 6 else ip_text(value)
        return value[:24].hex(":") + ("..." if len(value) > 24 else "") or "empty"
    if hexadecimal and isinstance(value, int) and not isinstance(value, bool):
        return hex(value)
    return str(value)


# ---------------------------------------------------------------- packets


def _packet_conditions(packet: Packet) -> Iterator[Condition]:
    counted: dict[type[Header], int] = {}
    for header in packet.layers:
        kind = type(header)
        number = counted[kind] = counted.get(kind, -1) + 1
        yield _layer_condition(kind, number)
        for spec, value in walk_fields(header):
            # Automatic fields are not given, and a default cannot be told from a field that was not given.
            if value is not None and value != spec.default and not (isinstance(value, bytes | tuple) and not value):
                yield _field_condition(kind, number, spec.name, value)
    if packet.payload:
        wanted = packet.payload
        yield Condition(f"payload {wanted[:60]!r}", lambda seen: seen.payload == wanted,
                        lambda seen: f"it is {seen.payload[:60]!r}")  # fmt: skip


def _header(packet: Packet, kind: type[Header], number: int) -> Header | None:
    found = [header for header in packet.layers if isinstance(header, kind)]
    return found[number] if len(found) > number else None


def _layer_condition(kind: type[Header], number: int) -> Condition:
    def has(packet: Packet) -> str:
        return "it is " + (" / ".join(type(header).__name__ for header in packet.layers) or "bytes")

    which = f" number {number + 1}" if number else ""
    return Condition(f"{kind.__name__}{which}", lambda packet: _header(packet, kind, number) is not None, has)


def _field_condition(kind: type[Header], number: int, name: str, wanted: Any) -> Condition:
    from packetlab.show.view import field_text

    spec = kind.spec(name)

    def has(packet: Packet) -> str:
        found = _header(packet, kind, number)
        return "it is " + field_text(spec, getattr(found, name))[0] if found else f"it has no {kind.__name__}"

    text = f"{kind.__name__}.{name} == {field_text(spec, wanted)[0]}"
    return Condition(text, lambda packet: bool(getattr(_header(packet, kind, number), name, None) == wanted), has)
