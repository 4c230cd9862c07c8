"""What the column codec knows of a header class: where its fixed fields lie, how long it is, what follows.

Made from the same layout as the object codec, so a field's place stands in one declaration only. A class that
cannot be read this way (fields of variable length before what is asked, a decoder of its own) has no plan, and
its packets are read one by one.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from packetlab.model.fields import FieldSpec, FixedBytes, Length, NextProtocol
from packetlab.model.header import Header
from packetlab.model.layout import Run, Word, bounds_header, layout

Column = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field lies in its header's fixed part."""

    byte: int
    size: int
    """Bytes of the word that holds it."""
    shift: int
    bits: int
    little: bool
    raw: bool
    """An address or the like: kept as bytes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read a header class as columns."""

    size: int
    """Bytes of the part that every header of the class has in the same place."""
    places: dict[str, Place]
    header_length: FieldSpec | None
    body_length: FieldSpec | None
    next_fields: tuple[str, ...]
    is_whole: bool
    """The header ends where `size` or `header_length` says: what follows can be found."""


def _places(word: Word, byte: int, little: bool) -> dict[str, Place]:
    if isinstance(word.fields[0].kind, FixedBytes):
        return {word.fields[0].name: Place(byte, word.size, 0, word.size * 8, False, True)}
    found, shift = {}, word.size * 8
    for spec in word.fields:
        bits = spec.width or 0
        shift -= bits
        found[spec.name] = Place(byte, word.size, shift, bits, little, False)
    return found


@cache
def plan_of(cls: type[Header]) -> Plan | None:
    """The plan of a class, or None where its packets must be read one by one."""
    if cls.rebase or cls.quotes is not None or callable(cls.opaque):
        return None
    if cls.variant is not None and not any(isinstance(spec.fill, NextProtocol) for spec in cls.fields):
        return None
    places: dict[str, Place] = {}
    size, loose = 0, 0
    for part in layout(cls):
        if not isinstance(part, Run) or part.when is not None or loose:
            loose += 1
            continue
        for word in part.words:
            places |= _places(word, size, part.little)
            size += word.size
    limits = [spec for spec in cls.fields if bounds_header(spec)]
    bodies = [spec for spec in cls.fields if _bounds_body(spec)]
    known = {spec.name for spec in cls.fields if spec.name in places}
    if len(limits) > 1 or len(bodies) > 1 or any(spec.name not in known for spec in (*limits, *bodies)):
        return None
    keys = tuple(spec.name for spec in cls.fields if isinstance(spec.fill, NextProtocol)) or cls.next_by
    if any(key not in places for key in keys):
        return None
    whole = not loose or (len(limits) == 1 and limits[0].fill.counts == "header")  # type: ignore[union-attr]
    return Plan(size, places, limits[0] if limits else None, bodies[0] if bodies else None, keys, whole)


def _bounds_body(spec: FieldSpec) -> bool:
    return isinstance(spec.fill, Length) and spec.fill.counts in ("header+body", "body")


def read_column(matrix: Column, place: Place) -> Column:
    """One field of all rows: unsigned integers, or (rows, bytes) of uint8 for addresses."""
    part = matrix[:, place.byte : place.byte + place.size]
    if place.raw:
        return part
    number: Column
    if place.size == 1:
        number = part[:, 0].astype(np.uint64) if place.bits > 32 else part[:, 0].astype(np.uint32)
    else:
        kind = np.uint32 if place.size <= 4 else np.uint64
        number = np.zeros(len(part), kind)
        order = range(place.size - 1, -1, -1) if place.little else range(place.size)
        for byte in order:
            number = (number << kind(8)) | part[:, byte]
    if place.shift:
        number = number >> number.dtype.type(place.shift)
    if place.bits < place.size * 8:
        number = number & number.dtype.type((1 << place.bits) - 1)
    return number
