"""Every name by which a protocol, a field, a flag or a family member can be asked for.

`tcp`, `tcp.window`, `tcp.syn`, and the names Wireshark uses for the same (`tcp.window_size_value`). The list is
made from the declarations, so a new protocol is in it without being written anywhere else.
"""

import difflib
from dataclasses import dataclass
from functools import lru_cache

from packetlab.model.errors import UsageError
from packetlab.model.fields import Bit, FieldSpec
from packetlab.model.header import Header
from packetlab.show.safe import safe_text
from packetlab.show.view import is_element


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that can be explained: a header class, one of its fields, or one flag of a field."""

    name: str
    """packetlab's own name for it: "tcp.window"."""
    header: type[Header]
    field: FieldSpec | None = None
    flag: Bit | None = None


@lru_cache(1)
def subjects() -> dict[str, tuple[Subject, ...]]:
    """All names in small letters; several subjects where protocols share a name."""
    import packetlab.protocols  # noqa: F401 - declares every header

    found: dict[str, list[Subject]] = {}

    def add(name: str, subject: Subject) -> None:
        mine = found.setdefault(name.lower(), [])
        if name and all(
            (one.header, one.field, one.flag) != (subject.header, subject.field, subject.flag) for one in mine
        ):
            mine.append(subject)

    for header in Header.subclasses:
        if header.__module__.split(".")[0] != "packetlab":
            continue  # declared by a test or a user's own file: known by its own name only, see below
        add(header.name, Subject(header.name, header))
        add(header.__name__, Subject(header.name, header))
        if header.wireshark and header.family_base in (None, header):  # members have their base's
            add(header.wireshark, Subject(header.name, header))
        for spec in header.fields:
            if _inherited(header, spec):
                continue
            subject = Subject(f"{header.name}.{spec.name}", header, spec)
            add(subject.name, subject)
            for name in (spec.wireshark, *spec.also):
                if name:
                    add(name, subject)
            for bit in spec.bits:
                one = Subject(f"{header.name}.{bit.name.lower()}", header, spec, bit)
                add(one.name, one)
                if bit.wireshark:
                    add(bit.wireshark, one)
    return {name: tuple(mine) for name, mine in found.items()}


def _inherited(header: type[Header], spec: FieldSpec) -> bool:
    """A field that belongs to the family's base: explained there, not once for every member."""
    base = header.family_base
    return base is not None and base is not header and any(one is spec for one in base.fields)


def find(name: str) -> tuple[Subject, ...]:
    """What a name stands for; a bare field name ("window") finds every protocol that has it.

    UsageError, with the nearest names, where there is nothing of that name.
    """
    wanted = name.strip().lower()
    known = subjects()
    if wanted in known:
        own = tuple(one for one in known[wanted] if one.name == wanted)
        return own or known[wanted]
    bare = {one.name: one for full, mine in known.items() if full.rpartition(".")[2] == wanted for one in mine}
    if bare:
        return tuple(bare.values())
    near = difflib.get_close_matches(wanted, known, n=4, cutoff=0.55)
    if not near and "." in wanted:
        protocol = wanted.partition(".")[0]
        near = [full for full in known if full.startswith(protocol + ".")][:6]
    remedy = f"did you mean {' or '.join(near)}?" if near else "packetlab explain lists every protocol"
    raise UsageError(f"packetlab knows no protocol or field {safe_text(name, limit=60)!r}", remedy=remedy)


def protocols() -> list[type[Header]]:
    """Every header that is a layer of its own (no options, no members of families), in the order of declaration."""
    import packetlab.protocols  # noqa: F401

    return [
        header for header in Header.subclasses
        if header.family_base in (None, header) and not is_element(header)
        and header.__module__.split(".")[0] == "packetlab"
    ]  # fmt: skip
