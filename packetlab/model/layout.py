"""How a header's fields lie in its bytes: runs of fixed size, and fields of variable length between them.

Fields of fixed width that follow each other form a *run*, read and written with one `struct` call; fields
narrower than a byte share a *word* of the run. Fields of variable length and conditional fields end a run.
"""

from dataclasses import dataclass
from typing import Any

from packetlab.model.fields import FieldSpec, Length, UInt

_CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}


@dataclass
class Word:
    """One struct item: the fields that share it, most significant first, and its size in bytes."""

    fields: list[FieldSpec]
    size: int
    code: str


@dataclass
class Run:
    """Words of fixed size in a row, all present or all absent."""

    words: list[Word]
    little: bool
    when: Any

    @property
    def size(self) -> int:
        return sum(word.size for word in self.words)

    @property
    def format(self) -> str:
        return ("<" if self.little else "!") + "".join(word.code for word in self.words)


@dataclass
class Loose:
    """One field of variable length."""

    spec: FieldSpec


Part = Run | Loose


def layout(cls: Any) -> list[Part]:
    """The runs and variable fields of a header, in order."""
    parts: list[Part] = []
    word: list[FieldSpec] = []
    bits = 0
    for spec in cls.fields:
        if spec.kind is None:
            _whole(cls, word, bits)
            parts.append(Loose(spec))
            continue
        little = isinstance(spec.kind, UInt) and spec.kind.little
        last = parts[-1] if parts else None
        if not word and not (isinstance(last, Run) and last.little == little and last.when is spec.when):
            last = Run([], little, spec.when)
            parts.append(last)
        run = parts[-1]
        assert isinstance(run, Run)
        word.append(spec)
        bits += spec.kind.bits
        if bits % 8 == 0:
            size = bits // 8
            plain = isinstance(spec.kind, UInt) and bits in _CODES
            run.words.append(Word(word, size, _CODES[bits] if plain else f"{size}s"))
            word, bits = [], 0
    _whole(cls, word, bits)
    return parts


def _whole(cls: Any, word: list[FieldSpec], bits: int) -> None:
    if word:
        raise TypeError(f"{cls.__name__}: the fields up to {word[-1].name} end inside a byte ({bits} bits)")


def minimum_size(cls: Any) -> int:
    """The fewest bytes a header of this class can have."""
    total = 0
    for part in layout(cls):
        if isinstance(part, Run):
            total += part.size if part.when is None else 0
        elif part.spec.variable is not None:
            total += part.spec.variable.minimum if part.spec.when is None else 0
    return total


def bounds_header(spec: FieldSpec) -> bool:
    """Whether this field says where its own header ends."""
    return isinstance(spec.fill, Length) and spec.fill.counts in ("header", "after")
