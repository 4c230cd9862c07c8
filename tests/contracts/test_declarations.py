"""Every header and field says what it is, where that is specified, and what Wireshark calls it."""

import re
import shutil
import subprocess

import pytest

from packetlab.model.fields import FieldSpec
from packetlab.model.header import Header
from tests.conftest import missing
from tests.contracts.registry import HEADERS, label

REFERENCE = re.compile(
    r"RFC \d+|IEEE 802|BCP \d+|LINKTYPE|tcpdump\.org|IANA|ITU|draft-|Linux|libpcap|packetlab|PPP|ISO|WHATWG|BSD|Cisco"
)


def own_fields(cls: type[Header]) -> list[FieldSpec]:
    parent = cls.__mro__[1]
    return [spec for spec in cls.fields if not any(spec is other for other in getattr(parent, "fields", ()))]


def known_to_wireshark(name: str) -> bool:
    return name in _wireshark_names()


_names: set[str] = set()


def _wireshark_names() -> set[str]:
    if not _names:
        if not shutil.which("tshark"):
            missing("needs the program tshark")
        for kind in ("fields", "protocols"):
            listing = subprocess.run(
                ["tshark", "-G", kind], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ).stdout
            for line in listing.splitlines():
                cells = line.split("\t")
                _names.add(cells[2] if kind == "fields" else cells[-1])
                if kind == "protocols" and len(cells) > 2:
                    _names.add(cells[2])
    return _names


@pytest.mark.parametrize("cls", HEADERS, ids=label)
def test_a_header_says_what_it_is_and_where_it_is_specified(cls: type[Header]) -> None:
    assert "__doc__" in cls.__dict__ and cls.__doc__, f"{cls.__name__} has no docstring"
    assert len(cls.__doc__.strip()) > 10
    assert REFERENCE.search(cls.ref), f"{cls.__name__}: ref={cls.ref!r} names no document"


@pytest.mark.parametrize("cls", HEADERS, ids=label)
def test_every_field_has_a_meaning_in_plain_english(cls: type[Header]) -> None:
    for spec in own_fields(cls):
        assert len(spec.text) > 3, f"{cls.__name__}.{spec.name} says nothing"
        assert not spec.text.rstrip().endswith("."), f"{cls.__name__}.{spec.name}: texts are put into sentences"
        for bit in spec.bits:
            assert bit.text and bit.name, f"{cls.__name__}.{spec.name}: a bit without name or meaning"
            assert not int(bit) >> (spec.width or 0), f"{cls.__name__}.{spec.name}: {bit.name} does not fit"


@pytest.mark.parametrize("cls", HEADERS, ids=label)
def test_every_field_has_a_wireshark_name_or_a_reason_for_none(cls: type[Header]) -> None:
    for spec in own_fields(cls):
        where = f"{cls.__name__}.{spec.name}"
        assert bool(spec.wireshark) != bool(spec.unnamed), f"{where}: either wireshark= or unnamed=, not both"
        for bit in spec.bits:
            assert bool(bit.wireshark) != bool(bit.unnamed), f"{where} {bit.name}: either wireshark= or unnamed="


@pytest.mark.needs("tshark")
def test_wireshark_knows_every_name() -> None:
    wrong = []
    for cls in HEADERS:
        names = [(cls.__name__, cls.wireshark)] if cls.wireshark else []
        for spec in own_fields(cls):
            where = f"{cls.__name__}.{spec.name}"
            names += [(where, name) for name in (spec.wireshark, *spec.also) if name]
            names += [(f"{where} {bit.name}", bit.wireshark) for bit in spec.bits if bit.wireshark]
        wrong += [f"{where}: {name}" for where, name in names if not known_to_wireshark(name)]
    assert not wrong, "tshark does not know\n" + "\n".join(wrong)


def test_names_in_filters_are_unique() -> None:
    seen: dict[str, str] = {}
    for cls in HEADERS:
        assert cls.name not in seen, f"{cls.__name__} and {seen[cls.name]} are both called {cls.name}"
        seen[cls.name] = cls.__name__


@pytest.mark.parametrize("cls", HEADERS, ids=label)
def test_field_names_are_spelled_out_and_free(cls: type[Header]) -> None:
    for spec in cls.fields:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", spec.name), spec.name
        assert not hasattr(Header, spec.name) or spec.name in ("name", "key", "keys"), (
            f"{cls.__name__}.{spec.name} hides what every header has"
        )
