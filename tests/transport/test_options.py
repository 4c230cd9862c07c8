"""TCP's options, UDP and TCP over IPv6, and VXLAN: our bytes against scapy's."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packetlab.protocols  # noqa: F401
from packetlab.application.vxlan import VXLAN
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.ethernet import Ethernet
from packetlab.model.errors import UsageError
from packetlab.model.packet import decapsulate
from packetlab.transport.tcp import (
    SACK,
    TCP,
    FastOpen,
    LongTCPOption,
    MaximumSegmentSize,
    MD5Signature,
    NoOperation,
    SACKBlock,
    SACKPermitted,
    TCPOption,
    Timestamps,
    UserTimeout,
    WindowScale,
)
from packetlab.transport.udp import UDP

u8, u15, u16, u32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 15, 16, 32))
BLOCK = st.tuples(u32, u32)

OPTIONS = st.one_of(
    u16.map(lambda size: (MaximumSegmentSize(size=size), ("MSS", size))),
    u8.map(lambda shift: (WindowScale(shift=shift), ("WScale", shift))),
    st.just((SACKPermitted(), ("SAckOK", b""))),
    st.tuples(u32, u32).map(lambda pair: (Timestamps(value=pair[0], echo=pair[1]), ("Timestamp", pair))),
    st.lists(BLOCK, min_size=1, max_size=2).map(
        lambda blocks: (SACK(blocks=tuple(SACKBlock(left=a, right=b) for a, b in blocks)),
                        ("SAck", tuple(edge for block in blocks for edge in block)))
    ),
    st.tuples(st.integers(0, 1), u15).map(
        lambda pair: (UserTimeout(granularity=pair[0], timeout=pair[1]), ("UTO", pair[0] << 15 | pair[1]))
    ),
    st.just((NoOperation(), ("NOP", None))),
    st.binary(max_size=6).map(lambda data: (LongTCPOption(kind=77, data=data), (77, data))),
)  # fmt: skip


LENGTHS = {MaximumSegmentSize: 4, WindowScale: 3, SACKPermitted: 2, Timestamps: 10, UserTimeout: 4, NoOperation: 1}


def room(option: TCPOption) -> int:
    """Bytes of an option."""
    if isinstance(option, SACK):
        return 2 + 8 * len(option.blocks)
    return 2 + len(option.data) if isinstance(option, LongTCPOption) else LENGTHS[type(option)]


def fit(pairs: list[tuple[TCPOption, Any]]) -> bool:
    """A header has room for 40 bytes of options (RFC 9293 section 3.1)."""
    return sum(room(option) for option, _ in pairs) <= 40


def test_more_options_than_a_header_holds_are_refused_with_a_remedy() -> None:
    option = SACK(blocks=(SACKBlock(left=1, right=2),) * 3)
    with pytest.raises(UsageError, match="does not fit") as refused:
        TCP(src_port=1, dst_port=2, options=(option, option)).encapsulate()
    assert refused.value.remedy


@settings(max_examples=60, deadline=None)
@given(st.lists(OPTIONS, max_size=3).filter(fit), st.booleans())
def test_options_have_the_bytes_that_scapy_gives_them(pairs: list[tuple[TCPOption, Any]], six: bool) -> None:
    scapy = pytest.importorskip("scapy.all")
    ip = IPv6(src="2001:db8::1", dst="2001:db8::2") if six else IPv4(src="192.0.2.1", dst="192.0.2.2", identification=1)
    outer = scapy.IPv6(src="2001:db8::1", dst="2001:db8::2") if six else scapy.IP(src="192.0.2.1", dst="192.0.2.2")
    theirs = bytes(outer / scapy.TCP(sport=1, dport=2, flags="S", window=65535, options=[pair[1] for pair in pairs]))
    ours = (ip / TCP(src_port=1, dst_port=2, flags="SYN", options=tuple(pair[0] for pair in pairs))).encapsulate()
    assert ours == theirs
    found = decapsulate(ours, type(ip))[TCP].options[: len(pairs)]
    assert [type(option) for option in found] == [type(pair[0]) for pair in pairs]


def test_an_option_of_an_impossible_length_is_a_fault_and_keeps_its_bytes() -> None:
    for length in (0, 1, 3, 5, 40, 255):
        option = LongTCPOption(kind=2, length=length, data=b"\5\xb4")
        data = (IPv4(src="192.0.2.1", dst="192.0.2.2") / TCP(src_port=1, dst_port=2, options=(option,))).encapsulate()
        found = decapsulate(data, IPv4)
        assert found.encapsulate() == data
        assert found.faults or length == 5, length
        assert found[TCP].options and found.encapsulate() == data


def test_options_of_variable_length_keep_their_content() -> None:
    options = (MD5Signature(digest=bytes(range(16))), FastOpen(cookie=b"12345678"), FastOpen())
    found = decapsulate(TCP(src_port=1, dst_port=2, options=options).encode(), TCP)[TCP].options
    assert [getattr(one, "digest", getattr(one, "cookie", None)) for one in found[:3]] == [
        bytes(range(16)), b"12345678", b"",
    ]  # fmt: skip


def test_udp_over_ipv6_always_has_a_checksum() -> None:
    found = (IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(src_port=1, dst_port=2) / b"x").filled()
    assert found[IPv6].next_header == 17 and found[UDP].checksum and all(check.ok for check in found.check())


def test_vxlan_is_known_by_port_and_flag() -> None:
    frame = Ethernet(dst="02:00:00:00:00:02", src="02:00:00:00:00:01") / IPv4(src="192.0.2.1", dst="192.0.2.2")
    outer = IPv4(src="198.51.100.1", dst="198.51.100.2")
    found = (outer / UDP(src_port=40000, dst_port=4789) / VXLAN(network=42) / frame / b"x").filled()
    assert found[VXLAN].network == 42 and found[IPv4, 1].src == b"\xc0\0\2\1"
    other = (outer / UDP(src_port=40000, dst_port=4789) / bytes(20)).filled()
    assert VXLAN not in other and other.payload == bytes(20)
