"""Addresses in the spellings people use."""

import pytest

from packetlab.model.addresses import ip_bytes, ip_text, ipv6_bytes, ipv6_text, mac_bytes, mac_text
from packetlab.model.errors import UsageError


@pytest.mark.parametrize("text", ["02:00:5e:00:00:0a", "02-00-5E-00-00-0A", "0200.5e00.000a", "02005e00000a"])
def test_a_mac_address_is_read_in_every_common_spelling(text: str) -> None:
    assert mac_bytes(text) == bytes.fromhex("02005e00000a")
    assert mac_text(mac_bytes(text)) == "02:00:5e:00:00:0a"


@pytest.mark.parametrize("text", ["02:00:5e:00:00", "02:00:5e:00:00:0g", "02:00-5e:00:00:0a", ""])
def test_a_wrong_mac_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        mac_bytes(text)
    assert "02:00:00:00:00:01" in caught.value.remedy


def test_ip_addresses_of_both_families_go_both_ways() -> None:
    for text in ("192.0.2.1", "2001:db8::1", "::", "::1", "::ffff:192.0.2.1", "fe80::1:2:3:4"):
        assert ip_text(ip_bytes(text)) == text
    assert ipv6_bytes("fe80::1%eth0") == ipv6_bytes("fe80::1")
    assert ipv6_text(bytes.fromhex("20010db8000000000001000000000001")) == "2001:db8::1:0:0:1"
