"""packetlab's reading of a frame, under Wireshark's names, and values of both made comparable."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from packetlab.model.fault import CUT
from packetlab.model.fields import FieldSpec, Items
from packetlab.model.header import Header
from packetlab.model.packet import Packet
from packetlab.model.trace import FieldSpan, field_spans

SHOWN_RAW = {"ip.frag_offset", "ipv6.fraghdr.offset"}
"""Fields that tshark 4.0 shows in the header's units of 8 bytes, and later ones in bytes: both are right."""
FRACTIONS = dict.fromkeys(("stp.msg_age", "stp.max_age", "stp.hello", "stp.forward"), 256)
"""Fields that tshark shows in seconds, and the header keeps in parts of one."""
_NUMBERS = ("FT_UINT", "FT_INT", "FT_CHAR", "FT_FRAMENUM")


@dataclass(slots=True)
class Ours:
    """One field as packetlab read it."""

    name: str
    header: Header
    spec: FieldSpec
    value: Any
    start: int
    end: int


def fields_of(packet: Packet) -> Iterator[Ours]:
    """Every field and flag of a packet that has a name in Wireshark."""
    for header, offset in packet.walk():
        yield from _of_spans(header, field_spans(header, offset))


def _of_spans(header: Header, spans: tuple[FieldSpan, ...]) -> Iterator[Ours]:
    for span in spans:
        spec, value = span.spec, span.value
        if value is CUT or not span.bit_length:
            continue  # not there, or there without a byte
        if spec.wireshark:
            shown = value * spec.scale if isinstance(value, int) else value
            if isinstance(value, tuple) and isinstance(spec.variable, Items):
                shown = spec.variable.build(value, header)
            for name in (spec.wireshark, *spec.also):
                for one in shown if isinstance(shown, tuple) else (shown,):
                    if one != b"":
                        yield Ours(name, header, spec, one, span.offset, span.end)
        if isinstance(value, int):
            for bit in spec.bits:
                if bit.wireshark:
                    lowest = int(bit) & -int(bit)
                    yield Ours(bit.wireshark, header, spec, (value & int(bit)) // lowest, span.offset, span.end)
        for element in span.elements:
            yield from _of_spans(element.header, element.fields)


def equal(ours: Ours, text: str, kind: str) -> bool:
    """Whether packetlab's value is what tshark shows as `text` for a field of type `kind`."""
    value = ours.value
    if kind in ("FT_NONE", "FT_PROTOCOL"):
        return True
    if kind == "FT_BOOLEAN":
        return bool(value) == (text in ("1", "True", "true"))
    if kind.startswith(_NUMBERS) and not kind.endswith(("BYTES", "STRING")):
        if isinstance(value, str):
            return value.isdigit() and int(value) == _number(text)
        number = int.from_bytes(value, "big") if isinstance(value, bytes) else value
        raw = number // ours.spec.scale if ours.name in SHOWN_RAW else number
        return _number(text) in (number, raw)
    if kind == "FT_ABSOLUTE_TIME":
        return isinstance(value, int) and _seconds(text) == value
    if kind in ("FT_FLOAT", "FT_DOUBLE"):
        return isinstance(value, int) and float(text) == value / FRACTIONS.get(ours.name, 1)
    if kind == "FT_RELATIVE_TIME":
        return isinstance(value, int) and text.partition(".")[0] == str(value)
    if isinstance(value, str):
        return _words(value) == _words(text)
    if isinstance(value, int):
        value = value.to_bytes(-(-(ours.spec.width or 8) // 8), "big")
    try:
        if kind == "FT_IPv4":
            return bool(value == IPv4Address(text).packed)
        if kind == "FT_IPv6":
            return bool(value == IPv6Address(text).packed)
        if "STRING" not in kind:
            return bool(value == bytes.fromhex(text.replace(":", "").replace("-", "").replace(".", "")))
    except ValueError:
        return False
    return _words(text) in (_words(value.decode("utf-8", "replace")), _words(value.decode("latin-1")), value.hex())


def _seconds(text: str) -> int | None:
    """Seconds since 1970 of `Jun 29, 2010 19:41:35.135052000 UTC`."""
    try:
        return int(datetime.strptime(text.partition(".")[0] + " +0000", "%b %d, %Y %H:%M:%S %z").timestamp())
    except ValueError:
        return None


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        try:
            return int(text)
        except ValueError:
            return None


def _words(text: str) -> str:
    r"""Without the ways in which control characters are spelled: \r\n, trailing NULs, the final dot of a name."""
    text = text.replace("\\r\\n", "").rstrip("\r\n\0").rstrip(".")
    return text or "<Root>"
