"""Every header can be made, encoded and decoded again, with default and with random values."""

import random
from typing import Any

import pytest

from packetlab.model.errors import UsageError
from packetlab.model.fields import FixedBytes, Key, UInt
from packetlab.model.header import Header, walk_fields
from tests.contracts.registry import HEADERS, label, minimal

MADE = [cls for cls in HEADERS if cls.fields]


def read_back(cls: type[Header], data: bytes) -> tuple[Header, list[Any]]:
    faults: list[Any] = []
    return cls._decode(data, 0, len(data), faults)[0], faults


@pytest.mark.parametrize("cls", MADE, ids=label)
def test_a_header_made_with_defaults_comes_back_from_its_bytes(cls: type[Header]) -> None:
    made = cls(**minimal(cls))
    data = made.encode()
    found, _ = read_back(cls, data)
    assert found.encode() == data
    if type(found) is not cls:
        pytest.skip(f"these defaults are those of {type(found).__name__}, which is decoded instead")
    for spec, value in walk_fields(made):
        if value is not None and value != ():
            assert getattr(found, spec.name) == value, spec.name


@pytest.mark.parametrize("cls", MADE, ids=label)
def test_random_values_of_fixed_fields_come_back(cls: type[Header]) -> None:
    chance = random.Random(cls.__name__)
    for _ in range(20):
        given = minimal(cls)
        for spec in cls.fields:
            if isinstance(spec.fill, Key) or spec.fill is not None or spec.expect is not None:
                continue
            if isinstance(spec.kind, FixedBytes):
                given[spec.name] = chance.randbytes(spec.kind.size)
            elif isinstance(spec.kind, UInt):
                given[spec.name] = chance.choice((0, 1, (1 << spec.kind.bits) - 1, chance.getrandbits(spec.kind.bits)))
        made = cls(**given)
        data = made.encode()
        found, faults = read_back(cls, data)
        assert found.encode() == data
        if type(found) is cls and not faults:
            for spec, value in walk_fields(found):
                if spec.name in given:
                    assert value == given[spec.name], spec.name


@pytest.mark.parametrize("cls", MADE, ids=label)
def test_a_value_that_does_not_fit_is_refused_with_the_name_of_the_field(cls: type[Header]) -> None:
    for spec in cls.fields:
        if isinstance(spec.kind, UInt):
            for wrong in (-1, 1 << spec.kind.bits, "no such name", 1.5):
                with pytest.raises(UsageError) as caught:
                    cls(**{**minimal(cls), spec.name: wrong})
                assert spec.name in str(caught.value) or spec.bits
        elif isinstance(spec.kind, FixedBytes):
            for wrong in (b"", bytes(spec.kind.size + 1), 7, "no such address"):
                with pytest.raises(UsageError):
                    cls(**{**minimal(cls), spec.name: wrong})


@pytest.mark.parametrize("cls", MADE, ids=label)
def test_a_field_that_does_not_exist_is_refused(cls: type[Header]) -> None:
    with pytest.raises(TypeError):
        cls(**minimal(cls), no_such_field=1)
    with pytest.raises(UsageError):
        cls(**minimal(cls)).replace(no_such_field=1)
