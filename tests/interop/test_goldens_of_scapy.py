"""The goldens that name scapy as their origin are what scapy builds."""

import warnings

import pytest

from tests import goldens_scapy

pytest.importorskip("scapy.all", reason="scapy is not installed")


@pytest.mark.parametrize("name", list(goldens_scapy.EXPRESSIONS))
def test_scapy_builds_the_golden(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scapy's own
        assert goldens_scapy.build(name).hex() == goldens_scapy.BYTES[name]
