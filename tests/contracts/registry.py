"""The declared headers, and every header that stands in a packet."""

import random
from collections.abc import Iterator
from typing import Any

import packetlab.protocols  # noqa: F401
from packetlab.model.fault import CUT
from packetlab.model.fields import REQUIRED, FieldSpec, FixedBytes, Items, Key, UInt
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate
from tests.goldens import GOLDENS

HEADERS: list[type[Header]] = [cls for cls in Header.subclasses if cls.__module__.startswith("packetlab.")]
"""Every header class that packetlab declares; what tests declare is left out."""


def label(cls: type[Header]) -> str:
    return f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}"


def all_headers(packet: Packet) -> Iterator[Header]:
    """Every header of a packet: layers, options and records, and those of the quoted packet."""
    for header, _ in packet.walk():
        yield from with_elements(header)


def with_elements(header: Header) -> Iterator[Header]:
    yield header
    for spec in header.fields:
        if isinstance(spec.variable, Items):
            value = getattr(header, spec.name)
            for element in value if value is not CUT else ():
                yield from with_elements(element)


def golden_packets() -> Iterator[tuple[str, Packet]]:
    for name, (data, first, _) in GOLDENS.items():
        yield name, decapsulate(data, first)


def steps(data: bytes, first: type[Header]) -> Iterator[tuple[type[Header], int, int]]:
    """(class, start, end) with which each layer is decoded, from the outside in."""
    klass: Any = first
    at, stop = 0, len(data)
    for _ in range(64):
        if klass is None:
            return
        yield klass, at, stop
        _, at, end, klass = klass._decode(data, at, stop, [])
        stop = min(stop, end)


def minimal(cls: type[Header]) -> dict[str, Any]:
    """Values for the fields that must be given; a family's key is one that no member has."""
    given: dict[str, Any] = {}
    for spec in cls.fields:
        if isinstance(spec.fill, Key):
            if len(cls.family_keys) == 1:
                continue
            given[spec.name] = cls.family_keys[0] if cls.family_keys else unused_key(cls, spec)
        elif spec.default is REQUIRED:
            given[spec.name] = some_value(spec)
    return given


def unused_key(cls: type[Header], spec: FieldSpec) -> int:
    assert isinstance(spec.kind, UInt)
    return next(n for n in range((1 << spec.kind.bits) - 1, -1, -1) if n not in cls.members)


def some_value(spec: FieldSpec) -> Any:
    if isinstance(spec.kind, FixedBytes):
        return bytes(range(1, spec.kind.size + 1))
    return 1


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a little damage: other bytes, edges, cuts, inserted, repeated or swapped parts."""
    work = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        size = len(work)
        if not size:
            return chance.randbytes(chance.randrange(64))
        at = chance.randrange(size)
        kind = chance.randrange(9)
        if kind == 0:
            work[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            work[at] = chance.choice((0, 1, 2, 3, 4, 5, 0x7F, 0x80, 0xC0, 0xFE, 0xFF))
        elif kind == 2:
            work[at] = chance.randrange(256)
        elif kind == 3:
            del work[at:]
        elif kind == 4:
            del work[at : at + chance.randrange(1, 9)]
        elif kind == 5:
            work[at:at] = chance.randbytes(chance.randrange(1, 9))
        elif kind == 6:
            width = chance.choice((2, 4))
            value = chance.choice((0, 1, 2, size, size - at, 0xFFFF, 0x7FFF, 0x8000))
            work[at : at + width] = value.to_bytes(width, chance.choice(("big", "big", "little")))  # type: ignore[arg-type]
        elif kind == 7:
            length = chance.randrange(1, 41)
            work[at:at] = work[at : at + length] * chance.choice((1, 1, 2, 8))
        else:
            other = chance.randrange(size)
            length = chance.randrange(1, 17)
            work[at : at + length] = work[other : other + length]
    return bytes(work[:65535])
