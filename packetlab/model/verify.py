"""Verifies a packet's lengths and checksums, and says what is wrong and why.

Decapsulation takes no checksum: most readers do not ask. Every automatic field is worked out again from the
bytes in hand and held against what stands in the header. Three things look wrong and are not: a checksum that
the network card was still to fill in (offload), one over data that the capture cut or that other fragments
carry, and the zero of UDP that says "none made".
"""

import contextlib
from dataclasses import dataclass
from typing import Literal

from packetlab.model.checksum import ones_complement_sum
from packetlab.model.errors import UsageError
from packetlab.model.fault import CUT, Fault
from packetlab.model.fields import Checksum, Count, FieldSpec, Length, NextProtocol
from packetlab.model.header import Header
from packetlab.model.packet import Packet
from packetlab.model.support import protocol_number, pseudo_sum
from packetlab.model.trace import field_spans

Verdict = Literal["right", "wrong", "absent", "offload", "unknown"]


@dataclass(frozen=True, slots=True)
class Check:
    """The answer for one automatic field."""

    layer: Header
    field: FieldSpec
    offset: int
    """Byte at which the field starts."""
    found: int
    expected: int | None
    verdict: Verdict
    text: str
    """The verdict as a sentence without an end mark."""

    @property
    def ok(self) -> bool:
        """False only where the field is known to be wrong."""
        return self.verdict != "wrong"


def verify(packet: Packet, *, checksum_ready: bool = True) -> tuple[Check, ...]:
    """Check every length, count, next-protocol key and checksum of a packet (filled first, if composed).

    `checksum_ready` is what the kernel said of a captured frame: False, the card was still to fill it in.
    """
    if packet.data is None:
        packet = packet.filled()
    found: list[Check] = []
    for index in range(len(packet.layers)):
        found.extend(_layer(packet, index, checksum_ready))
    return tuple(found)


def _layer(packet: Packet, index: int, checksum_ready: bool) -> list[Check]:
    header, (start, body, end) = packet.layers[index], packet.bounds()[index]
    data = packet.data or b""
    # What is missing further inside is no matter of this layer: its own bytes are all here.
    short = any(
        fault.offset < max(body, start + 1) and (fault.cause != "sender" or fault.needed) for fault in packet._faults
    )
    # With every automatic field asked for again, encapsulation says what should stand there.
    if header.is_cut:
        return []
    # A length of 0 may stand for more than the field can say (segmentation offload): that one is kept.
    left_open = {spec.name: 0 for spec in header.fields if _is_left_open(header, spec)}
    layers = (*packet.layers[:index], header.refilled().replace(**left_open), *packet.layers[index + 1 :])
    expected = None
    with contextlib.suppress(UsageError):
        again = layers[index]._assemble(data[body:end], layers, index)
        faults: list[Fault] = []
        expected = type(header)._decode(bytes(again), 0, len(again), faults)[0]
    checks = []
    for span in field_spans(header, start):
        spec, value = span.spec, span.value
        if spec.fill is None or value is CUT or not isinstance(value, int):
            continue
        wanted = getattr(expected, spec.name, None)
        if isinstance(spec.fill, Length | Count):
            checks.append(_length(header, spec, span.offset, value, wanted, short))
        elif isinstance(spec.fill, NextProtocol):
            if index + 1 < len(packet.layers) and wanted is not None and value != wanted:
                text = f"is {value}, but {type(packet.layers[index + 1]).__name__} is inside"
                checks.append(Check(header, spec, span.offset, value, wanted, "wrong", text))
        elif isinstance(spec.fill, Checksum):
            checks.append(_checksum(packet, index, spec, span.offset, value, checksum_ready))
    return checks


def _is_left_open(header: Header, spec: FieldSpec) -> bool:
    return isinstance(spec.fill, Length) and spec.fill.zero_is_rest and getattr(header, spec.name) == 0


def _length(header: Header, spec: FieldSpec, offset: int, value: int, wanted: int | None, short: bool) -> Check:
    fill = spec.fill
    if isinstance(fill, Length) and fill.zero_is_rest and value == 0:
        text = "is 0: left to the network card (offload), or the packet is too long for the field"
        return Check(header, spec, offset, value, wanted, "offload", text)
    if value == wanted:
        return Check(header, spec, offset, value, wanted, "right", "is what was counted")
    if short:
        return Check(header, spec, offset, value, wanted, "unknown", "cannot be verified: bytes are missing")
    if wanted is None:
        return Check(header, spec, offset, value, None, "unknown", "cannot be verified: the packet is too long for it")
    return Check(header, spec, offset, value, wanted, "wrong", f"is {value} where {wanted} was counted")


def _checksum(packet: Packet, index: int, spec: FieldSpec, offset: int, value: int, ready: bool) -> Check:
    header, (start, body, end) = packet.layers[index], packet.bounds()[index]
    fill, data = spec.fill, packet.data or b""
    assert isinstance(fill, Checksum)

    def answer(expected: int | None, verdict: Verdict, text: str) -> Check:
        return Check(header, spec, offset, value, expected, verdict, text)

    if fill.optional and value == 0:
        return answer(None, "absent", "is 0: the sender made none")
    message = data[start:body] if fill.over == "header" else data[start:end]
    if fill.over != "header" and (_incomplete(packet, index) or len(message) < _claimed(header, len(message))):
        return answer(None, "unknown", "cannot be verified: a part of what it covers is not here")
    zeroed = message[: offset - start] + b"\0\0" + message[offset - start + 2 :]
    pseudo = 0
    if fill.over == "pseudo":
        pseudo = pseudo_sum(packet.layers, index) + len(message) + protocol_number(type(header))
    expected = 0xFFFF - ones_complement_sum(zeroed, pseudo)
    if expected == 0 and fill.zero_as is not None:
        expected = fill.zero_as
    if value == expected or {value, expected} == {0, 0xFFFF}:
        return answer(expected, "right", "is right")
    if not ready:
        return answer(expected, "offload", "was left to the network card when this was captured (offload)")
    if fill.over == "pseudo" and value == ones_complement_sum(b"", pseudo):
        return answer(expected, "offload", "holds only the pseudo-header's sum: left to the network card (offload)")
    wrong = f"is 0x{value:04x} where 0x{expected:04x} was worked out: damaged on the way, or wrongly made"
    return answer(expected, "wrong", wrong)


def _claimed(header: Header, had: int) -> int:
    for spec in header.fields:
        if isinstance(spec.fill, Length) and spec.fill.counts == "header+body":
            return getattr(header, spec.name) * spec.fill.unit + spec.fill.plus or had
    return had


def _incomplete(packet: Packet, index: int) -> bool:
    """Whether other fragments, or bytes that nobody captured, belong to this layer's message."""
    around = packet.layers[:index]
    if any(getattr(outer, "more_fragments", 0) or getattr(outer, "fragment_offset", 0) for outer in around):
        return True
    body = packet.bounds()[index][1]
    return any(fault.offset < body and (fault.needed or 0) > (fault.had or 0) for fault in packet._faults)
