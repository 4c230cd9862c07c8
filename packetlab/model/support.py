"""What generated codecs call: the slow ways of the constructor, lookups of keys, sums, shared words."""

import struct
from functools import lru_cache
from typing import Any

from packetlab.model.errors import UsageError
from packetlab.model.fields import FieldSpec, UInt, bits_from_text


def number(value: Any, spec: FieldSpec, cls: Any) -> int:
    """An int that fits its field, of whatever the caller gave; raises UsageError."""
    bits = spec.kind.bits if isinstance(spec.kind, UInt) else 0
    if isinstance(value, str):
        if spec.bits:
            return bits_from_text(value, spec.bits)
        named = [number for number, name in (spec.values or {}).items() if name.split(":")[0].lower() == value.lower()]
        if not named:
            raise UsageError(f"{cls.__name__}.{spec.name} is a number, not {value!r}")
        return named[0]
    try:
        number = value.__index__()
    except AttributeError:
        raise UsageError(f"{cls.__name__}.{spec.name} is a number, not {value!r}") from None
    if not 0 <= number < 1 << bits:
        raise UsageError(
            f"{cls.__name__}.{spec.name} = {number} does not fit its {bits} bits",
            remedy=f"give a number from 0 to {(1 << bits) - 1}",
        )
    return int(number)


def numbers(cls: Any, values: dict[str, Any]) -> list[Any]:
    """The slow way through the integer fields of a constructor, after the quick check failed."""
    return [
        value if value is None and cls.spec(name).fill is not None else number(value, cls.spec(name), cls)
        for name, value in values.items()
    ]


def next_key(carrier: Any, inside: Any, otherwise: int) -> int:
    """The number under which a class, or the family it is of, rides on `carrier`."""
    for klass in inside.__mro__ if inside is not None else ():
        if klass in carrier.keys:
            return carrier.keys[klass]  # type: ignore[no-any-return]
    return otherwise


class WordParts(dict[int, tuple[int, ...]]):
    """For a word's value, those of the fields that share it; remembers up to `LIMIT` values."""

    LIMIT = 4096

    def __init__(self, shifts: tuple[tuple[int, int], ...]) -> None:
        self.shifts = shifts

    def __missing__(self, word: int) -> tuple[int, ...]:
        parts = tuple(word >> shift & mask for shift, mask in self.shifts)
        if len(self) < self.LIMIT:
            self[word] = parts
        return parts


@lru_cache
def word_parts(bits: int, widths: tuple[int, ...]) -> WordParts:
    """The table for fields of these widths, most significant first, in a word of so many bits."""
    shifts, shift = [], bits
    for width in widths:
        shift -= width
        shifts.append((shift, (1 << width) - 1))
    return WordParts(tuple(shifts))


def protocol_number(cls: Any) -> int:
    """The number that the pseudo-header names: that under which this class rides on IP."""
    for klass in cls.__mro__:
        for carrier, keys in getattr(klass, "rides", {}).items():
            if carrier.pseudo:
                return keys if isinstance(keys, int) else keys[0]
    return 0


def pseudo_sum(layers: Any, index: int) -> int:
    """The sum of the addresses of the nearest layer outside that has some (RFC 768, RFC 8200 section 8.1)."""
    while index > 0:
        index -= 1
        outer = layers[index]
        if outer.pseudo:
            return outer.pseudo_sum(layers, index)  # type: ignore[no-any-return]
    return 0


def refuse(cls: Any, header: Any, error: Exception) -> bytes:
    """A value that cannot be encoded: either the header is cut, or our caller gave something odd."""
    from packetlab.model.trace import encode_cut

    if header.is_cut:
        return encode_cut(header)
    if isinstance(error, struct.error):
        raise UsageError(
            f"{header!r} cannot be encoded: a number does not fit into its field ({error})",
            remedy="give less where lengths are counted (as of options), or a smaller number",
        ) from error
    raise UsageError(f"{header!r} cannot be encoded: {error}") from error
