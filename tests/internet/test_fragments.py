"""Fragments: cut here and put together by scapy, the other way round, in any order, and from hostile senders."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packetlab.protocols  # noqa: F401
from packetlab.internet.fragments import OVERHEAD, Reassembler, fragment
from packetlab.internet.ipv4 import IPv4, IPv4LongOption, IPv4NoOperation, IPv4RouterAlert
from packetlab.internet.ipv6 import (
    DestinationOptions,
    Fragment,
    HopByHop,
    IPv6,
    IPv6RouterAlert,
    Routing,
    SourceRouteHop,
    SourceRouting,
)
from packetlab.link.ethernet import Ethernet
from packetlab.model.errors import UsageError
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.udp import UDP

ETHERNET = Ethernet(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
V4 = IPv4(src="192.0.2.1", dst="192.0.2.2", identification=7)
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2")


def bytes_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def received(packet: Packet) -> Packet:
    return decapsulate(packet.encapsulate(), type(packet.layers[0]))


def udp(ip: IPv4 | IPv6, size: int) -> Packet:
    return (ETHERNET / ip / UDP(src_port=1, dst_port=2) / bytes_of(size)).filled()


def first_piece(offset: int, data: bytes, more: int, identification: int = 9) -> Packet:
    header = V4.replace(identification=identification, fragment_offset=offset // 8, more_fragments=more, protocol=253)
    return received(Packet((header,), data))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9000), st.integers(68, 3000), st.booleans(), st.randoms(use_true_random=False))
def test_fragments_in_any_order_with_duplicates_give_the_packet_back(
    size: int, mtu: int, six: bool, chance: random.Random
) -> None:
    whole = udp(V6 if six else V4, size)
    parts = [received(part) for part in fragment(whole, mtu, identification=5)]
    for part in parts:
        assert len(part) - 14 <= mtu
        assert not part._faults or part.layers[1] != IPv6
    shuffled = parts + [chance.choice(parts) for _ in range(3)]
    chance.shuffle(shuffled)
    reassembler = Reassembler()
    found = [one for part in shuffled if (one := reassembler.add(part, 1.0)) is not None]
    assert found and all(one.payload == whole.payload and one[UDP] == whole[UDP] for one in found)
    if six:
        assert found[0].encapsulate() == whole.encapsulate()
    assert not reassembler.given_up


@pytest.mark.parametrize("size", [0, 1, 1472, 1473, 2960, 60000])
def test_scapy_puts_our_ipv4_fragments_together(size: int) -> None:
    scapy = pytest.importorskip("scapy.all")
    whole = (V4 / UDP(src_port=1, dst_port=2) / bytes_of(size)).filled()
    parts = [scapy.IP(part.encapsulate()) for part in fragment(whole, 1500)]
    plain, assembled, missing = scapy.defrag(parts)
    [found] = [*plain, *assembled]
    assert not len(missing)
    assert bytes(found[scapy.UDP]) == (whole.data or b"")[20:]


@pytest.mark.parametrize("size", [1453, 5000, 60000])
def test_scapy_puts_our_ipv6_fragments_together(size: int) -> None:
    scapy = pytest.importorskip("scapy.all")
    whole = (V6 / UDP(src_port=1, dst_port=2) / bytes_of(size)).filled()
    parts = [scapy.IPv6(part.encapsulate()) for part in fragment(whole, 1500)]
    assert bytes(scapy.defragment6(parts)) == whole.data


@pytest.mark.parametrize("size", [1473, 5000, 60000])
def test_we_put_fragments_of_scapy_together(size: int) -> None:
    scapy = pytest.importorskip("scapy.all")
    made = scapy.IP(src="192.0.2.1", dst="192.0.2.2", id=5) / scapy.UDP(sport=1, dport=2) / bytes_of(size)
    six = scapy.IPv6(src="2001:db8::1", dst="2001:db8::2") / scapy.IPv6ExtHdrFragment(id=5) / made[scapy.UDP]
    for kind, parts, whole in (
        (IPv4, scapy.fragment(made, 1480), bytes(made)),
        (IPv6, scapy.fragment6(six, 1500), bytes(scapy.IPv6(src=six.src, dst=six.dst) / made[scapy.UDP])),
    ):
        reassembler = Reassembler()
        found = [reassembler.add(decapsulate(bytes(part), kind), 0.0) for part in reversed(parts)]
        assert found[:-1] == [None] * (len(parts) - 1) and found[-1] is not None
        assert found[-1].encapsulate() == whole


def test_only_options_that_say_so_are_copied_into_later_fragments() -> None:
    options = (IPv4RouterAlert(), IPv4NoOperation(), IPv4LongOption(kind=30, data=b"xy"))
    first, second = fragment(V4.replace(options=options) / UDP(src_port=1, dst_port=2) / bytes(1500), 1500)
    assert [type(one) for one in first[IPv4].options[:3]] == [IPv4RouterAlert, IPv4NoOperation, IPv4LongOption]
    assert [type(one) for one in second[IPv4].options] == [IPv4RouterAlert]


def test_headers_for_routers_stand_in_every_ipv6_fragment() -> None:
    route = SourceRouting(segments_left=1, addresses=(SourceRouteHop(address="2001:db8::9"),))
    inside = DestinationOptions() / UDP(src_port=1, dst_port=2) / bytes(3000)
    whole = (V6 / HopByHop(options=(IPv6RouterAlert(),)) / route / inside).filled()
    parts = [received(part) for part in fragment(whole, 1280)]
    reassembler = Reassembler()
    for part in parts:
        assert [type(header) for header in part.layers[:4]] == [IPv6, HopByHop, SourceRouting, Fragment]
        assert part[Fragment].next_header == 60 and part[Routing].next_header == 44 and len(part) <= 1280
        found = reassembler.add(part, 0.0)
    assert found is not None and found.encapsulate() == whole.encapsulate() and not found.faults


def test_a_fragment_can_be_cut_again() -> None:
    whole = udp(V4, 4000)
    parts = [received(part) for part in fragment(whole, 1500)]
    smaller = [received(small) for part in parts for small in fragment(part, 576)]
    reassembler = Reassembler()
    found = [one for part in smaller if (one := reassembler.add(part, 0.0))]
    assert [one.encapsulate() for one in found] == [whole.encapsulate()]


def test_fragments_inside_a_tunnel_inside_fragments_are_put_together() -> None:
    inner = (V4.replace(src="198.51.100.1") / UDP(src_port=1, dst_port=2) / bytes_of(3000)).filled()
    outer = [received(part) for one in fragment(inner, 1480) for part in fragment((V6 / one).filled(), 1280)]
    assert len(outer) > 3
    reassembler = Reassembler()
    found = [one for part in outer if (one := reassembler.add(part, 0.0))]
    assert len(found) == 1 and found[0][UDP] == inner[UDP] and found[0].payload == inner.payload


def test_what_is_no_fragment_passes() -> None:
    whole = udp(V4, 10)
    assert Reassembler().add(whole, 0.0) is whole


def test_what_cannot_be_cut_is_refused_with_a_reason() -> None:
    with pytest.raises(UsageError, match="dont_fragment"):
        fragment(udp(V4.replace(dont_fragment=1), 2000), 1500)
    with pytest.raises(UsageError, match="MTU of 24"):
        fragment(udp(V4, 2000), 24)
    with pytest.raises(UsageError, match="only IP"):
        fragment(ETHERNET / bytes(2000), 1500)


def test_an_ipv6_fragment_that_is_the_whole_packet_is_never_mixed_with_others() -> None:
    atomic = V6 / Fragment(next_header=17, identification=5) / (UDP(src_port=1, dst_port=2, checksum=1) / b"x")
    found = Reassembler().add(received(atomic), 0.0)
    assert found is not None and [type(header) for header in found.layers] == [IPv6, UDP]


def test_overlap_gives_the_packet_up_and_all_that_comes_of_it_later() -> None:
    reassembler = Reassembler()
    assert reassembler.add(first_piece(0, b"a" * 16, 1), 0.0) is None
    assert reassembler.add(first_piece(8, b"b" * 16, 0), 1.0) is None
    assert [one.reason for one in reassembler.given_up] == ["overlap"]
    for offset, more in ((0, 1), (16, 0), (8, 1)):
        assert reassembler.add(first_piece(offset, b"c" * 8, more), 2.0) is None
    assert len(reassembler.given_up) == 1 and not reassembler.waiting()
    assert reassembler.expire(61.0) == [] and reassembler.held == 0


@pytest.mark.parametrize(("overlap", "expected"), [("first", b"a" * 16 + b"b" * 8), ("last", b"a" * 8 + b"b" * 16)])
def test_overlap_can_be_kept_as_other_hosts_keep_it(overlap: str, expected: bytes) -> None:
    reassembler = Reassembler(overlap=overlap)  # type: ignore[arg-type]
    reassembler.add(first_piece(0, b"a" * 16, 1), 0.0)
    found = reassembler.add(first_piece(8, b"b" * 16, 0), 0.0)
    assert found is not None and found.payload == expected and reassembler.held == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=12),
    st.sampled_from(["first", "last"]),
)
def test_overlapping_parts_leave_the_bytes_that_the_policy_says(
    parts: list[tuple[int, int]], overlap: str
) -> None:
    expected: dict[int, int] = {}
    reassembler = Reassembler(overlap=overlap)  # type: ignore[arg-type]
    for number, (offset, size) in enumerate(parts):
        for place in range(offset * 8, (offset + size) * 8):
            if overlap == "last" or place not in expected:
                expected[place] = number
        reassembler.add(first_piece(offset * 8, bytes([number]) * size * 8, 1), 0.0)
    found = {
        start + at: byte
        for pending in reassembler._pending.values() for start, data in pending.parts for at, byte in enumerate(data)
    }  # fmt: skip
    assert found == expected
    assert reassembler.held == sum(one.cost for one in reassembler._pending.values())


def test_holes_are_reported_and_waiting_ends() -> None:
    reassembler = Reassembler(timeout=30)
    reassembler.add(first_piece(16, b"x" * 8, 1), 100.0)
    reassembler.add(first_piece(32, b"x" * 5, 0), 105.0)
    [waiting] = reassembler.waiting()
    assert waiting.holes == ((0, 16), (24, 32)) and waiting.total == 37 and waiting.received == 13
    assert reassembler.next_deadline == 130.0 and not reassembler.expire(129.9)
    [late] = reassembler.expire(130.0)
    assert (late.reason, late.fragments, late.first_seen, late.last_seen) == ("timeout", 2, 100.0, 105.0)
    assert reassembler.next_deadline is None and reassembler.held == 0
    reassembler.add(first_piece(0, b"x" * 8, 1), 200.0)
    assert reassembler.waiting()[0].holes == ((8, None),)


def test_memory_is_bounded_whatever_comes() -> None:
    reassembler = Reassembler(max_bytes=20_000, max_packets=50)
    for number in range(500):
        reassembler.add(first_piece(8, bytes(1000), 1, identification=number), 0.0)
        assert reassembler.held <= 20_000 and len(reassembler.waiting()) <= 50
    for number in range(500):
        reassembler.add(first_piece(8 + 16 * number, bytes(8), 1, identification=number % 5), 0.0)
        assert reassembler.held <= 20_000
    assert {one.reason for one in reassembler.given_up} == {"memory"}
    assert reassembler.held >= OVERHEAD


def test_a_packet_longer_than_can_be_is_given_up() -> None:
    reassembler = Reassembler()
    reassembler.add(first_piece(65528, bytes(1000), 0), 0.0)
    assert reassembler.given_up[0].reason == "too long"


def test_an_end_that_contradicts_another_gives_the_packet_up() -> None:
    for pieces in (((16, 8, 0), (0, 32, 1)), ((0, 32, 1), (8, 8, 0)), ((16, 8, 0), (32, 8, 0))):
        reassembler = Reassembler(overlap="first")
        for offset, size, more in pieces:
            assert reassembler.add(first_piece(offset, bytes(size), more), 0.0) is None
        assert [one.reason for one in reassembler.given_up] == ["overlap"]


def test_fragments_of_no_use_are_counted_and_dropped() -> None:
    reassembler = Reassembler()
    assert reassembler.add(first_piece(0, bytes(7), 1), 0.0) is None  # not a multiple of 8
    assert reassembler.add(first_piece(8, b"", 0), 0.0) is None
    cut = first_piece(0, bytes(16), 1).encapsulate()[:-4]
    assert reassembler.add(decapsulate(cut, IPv4), 0.0) is None
    assert reassembler.rejected == 3 and not reassembler.waiting()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.booleans(), st.integers(0, 65535), st.floats(0, 1000))
def test_noise_never_raises(data: bytes, six: bool, word: int, now: float) -> None:
    reassembler = Reassembler()
    if six:
        header = V6.replace(next_header=44).encode()
        noisy = header[:4] + len(data).to_bytes(2, "big") + header[6:] + data
    else:
        noisy = V4.replace(fragment_offset=word & 0x1FFF, more_fragments=word >> 15, protocol=253).encode() + data
    for bit in (0, 1, 5):
        reassembler.add(decapsulate(noisy[bit:], IPv6 if six else IPv4), now)
        reassembler.add(decapsulate(noisy, IPv6 if six else IPv4), now + bit)
