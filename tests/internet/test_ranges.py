"""Ranges of addresses, held against the standard library's knowledge and known examples."""

import random
from ipaddress import IPv4Address, IPv6Address

import pytest

from packetlab.internet.address import describe
from packetlab.internet.ranges import mac_kind, range_of
from packetlab.model.errors import UsageError


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"), ("10.1.2.3", "private"), ("172.31.255.255", "private"), ("172.32.0.0", "global"),
        ("192.168.1.1", "private"), ("100.64.0.1", "shared"), ("169.254.1.1", "link-local"), ("0.0.0.0", "unspecified"),
        ("192.0.2.1", "documentation"), ("198.18.0.1", "benchmarking"), ("224.0.0.251", "multicast"),
        ("240.0.0.1", "reserved"), ("255.255.255.255", "broadcast"), ("8.8.8.8", "global"), ("::1", "loopback"),
        ("::", "unspecified"), ("fe80::1", "link-local"), ("fd00::1", "unique local"), ("2001:db8::1", "documentation"),
        ("2001:4860::1", "global"), ("ff02::1", "multicast"), ("::ffff:1.2.3.4", "IPv4-mapped"), ("2002::1", "6to4"),
        ("64:ff9b::1", "NAT64"), ("4000::1", "reserved"),
    ],
)  # fmt: skip
def test_an_address_is_in_its_range(address: str, kind: str) -> None:
    assert describe(address).kind == kind
    assert describe(address).ref.startswith("RFC")


def test_the_standard_library_agrees_on_multicast_loopback_and_link_local() -> None:
    noise = random.Random(3)
    numbers: list[IPv4Address | IPv6Address] = [IPv4Address(noise.getrandbits(32)) for _ in range(3000)]
    numbers += [IPv6Address(noise.getrandbits(128)) for _ in range(1000)]
    numbers += [IPv6Address(0xFE << 120 | noise.getrandbits(120)) for _ in range(500)]
    for number in numbers:
        kind = range_of(number.packed).kind
        assert number.is_loopback == (kind == "loopback")
        assert number.is_link_local == (kind == "link-local")
        if number != IPv4Address("233.252.0.1") and kind != "documentation":
            assert number.is_multicast == (kind == "multicast")


def test_a_prefix_is_described_with_its_size_and_special_parts() -> None:
    found = describe("192.168.7.9/16")
    assert found.text == "192.168.0.0/16" and dict(found.facts)["For hosts"].startswith("65534")
    assert ("10.0.0.0/8", "private") in describe("0.0.0.0/0").inside
    assert dict(describe("2001:db8::/32").facts)["Links of /64"] == str(2**32)


def test_a_mac_address_says_who_gave_it_and_whom_it_reaches() -> None:
    assert describe("ff:ff:ff:ff:ff:ff").kind == "broadcast"
    assert "224.0.0.251" in dict(describe("01:00:5e:00:00:fb").facts)["IPv4 groups"]
    assert dict(describe("52-54-00-12-34-56").facts)["IPv6 link-local"].startswith("fe80::5054:ff:fe12:3456")
    assert mac_kind(bytes.fromhex("3333000000fb")) == "an IPv6 multicast group"


def test_an_address_made_from_a_mac_names_it() -> None:
    assert dict(describe("fe80::5054:ff:fe12:3456%eth0").facts)["Made from MAC"].startswith("52:54:00:12:34:56")


@pytest.mark.parametrize("bad", ["", "1.2.3", "300.1.1.1", "10.0.0.0/33", "zz::", "1:2:3", "10.0.0.0/x", "\x1b[2J"])
def test_what_is_no_address_is_refused_with_a_remedy(bad: str) -> None:
    with pytest.raises(UsageError) as caught:
        describe(bad)
    assert caught.value.remedy and "\x1b" not in str(caught.value)
