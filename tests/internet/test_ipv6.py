"""IPv6: options and their padding, routes and what they do to checksums, tunnels; held against scapy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packetlab.protocols  # noqa: F401
from packetlab.internet.gre import GRE, PPTPGRE
from packetlab.internet.igmp import GroupRecord, GroupSource, MembershipQuery, MembershipQuery3, MembershipReport3
from packetlab.internet.ipsec import AH, ESP
from packetlab.internet.ipv4 import (
    IPv4,
    IPv4RouteAddress,
    IPv4RouterAlert,
    IPv4Timestamp,
    LooseSourceRoute,
    RecordRoute,
)
from packetlab.internet.ipv6 import (
    DestinationOptions,
    HomeAddress,
    HopByHop,
    IPv6,
    IPv6RouterAlert,
    JumboPayload,
    LongIPv6Option,
    OtherRouting,
    Pad1,
    PadN,
    Segment,
    SegmentRouting,
    SourceRouteHop,
    SourceRouting,
)
from packetlab.link.ethernet import Ethernet
from packetlab.model.packet import decapsulate
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

V4 = IPv4(src="192.0.2.1", dst="192.0.2.2")
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
DATA = UDP(src_port=1, dst_port=2) / b"x"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=6))
def test_options_are_padded_to_multiples_of_eight_bytes_and_come_back(contents: list[bytes]) -> None:
    options = tuple(LongIPv6Option(kind=0x3E, data=data) for data in contents)
    found = (V6 / HopByHop(options=options) / DATA).filled()
    header = found[HopByHop]
    assert len(header.encode()) % 8 == 0 == len(header.encode()) - header.header_length * 8 - 8
    assert tuple(option.data for option in header.options if isinstance(option, LongIPv6Option)) == tuple(contents)
    padding = [option for option in header.options if not isinstance(option, LongIPv6Option)]
    assert len(padding) <= 1 and all(isinstance(option, Pad1 | PadN) for option in padding)
    assert not found.faults and found[UDP].length == 9


def test_extension_headers_stand_in_the_chain_by_number() -> None:
    whole = V6 / HopByHop() / DestinationOptions() / SourceRouting() / AH(security_parameters=1, sequence=1)
    found = (whole / TCP(src_port=1, dst_port=2)).filled()
    chain = [getattr(header, "next_header", None) for header in found.layers[:-1]]
    assert chain == [0, 60, 43, 51, 6] and not found.faults


def test_the_checksum_counts_the_final_destination_of_a_route() -> None:
    last = "2001:db8::9"
    plain = (V6.replace(dst=last) / DATA).filled()[UDP].checksum
    hops = tuple(SourceRouteHop(address=one) for one in ("2001:db8::7", last))
    segments = (Segment(address=last), Segment(address="2001:db8::7"))
    for route in (SourceRouting(segments_left=2, addresses=hops), SegmentRouting(segments_left=1, segments=segments)):
        packet = (V6 / route / DATA).filled()
        assert packet[UDP].checksum == plain
        assert all(check.ok for check in packet.check())
    arrived = V6.replace(dst=last) / SourceRouting(segments_left=0, addresses=hops) / DATA
    assert arrived.filled()[UDP].checksum == plain
    away = V6.replace(src="2001:db8::c0") / DestinationOptions(options=(HomeAddress(address="2001:db8::1"),)) / DATA
    assert away.filled()[UDP].checksum == (V6 / DATA).filled()[UDP].checksum


def test_the_last_entry_of_a_segment_route_is_counted() -> None:
    route = SegmentRouting(segments=tuple(Segment(address=f"2001:db8::{n}") for n in range(1, 4)), extras=bytes(8))
    found = (V6 / route / DATA).filled()[SegmentRouting]
    assert (found.last_entry, found.header_length, found.extras) == (2, 7, bytes(8))
    cut = bytearray((V6 / route / DATA).encapsulate())
    cut[44] = 200
    assert decapsulate(bytes(cut), IPv6).encapsulate() == bytes(cut)
    assert decapsulate(bytes(cut), IPv6).faults


def test_a_route_of_unknown_kind_is_kept_as_bytes() -> None:
    found = (V6 / OtherRouting(type=99, data=bytes(4)) / DATA).filled()
    assert found[OtherRouting].data == bytes(4) and found[UDP].length == 9


def test_a_jumbogram_takes_its_length_from_the_option() -> None:
    body = bytes(70000)
    jumbo = HopByHop(options=(JumboPayload(payload_length=8 + len(body)),))
    data = (V6.replace(payload_length=0) / jumbo / body).encapsulate()
    found = decapsulate(data, IPv6)
    assert len(found.payload) == 70000 and not found.faults and found.encapsulate() == data
    assert found[HopByHop].options[0].payload_length == len(data) - 40  # type: ignore[attr-defined]


def test_router_alert_and_route_options_come_back() -> None:
    asked = (V6 / HopByHop(options=(IPv6RouterAlert(),)) / DATA).filled()
    assert asked[HopByHop].options == (IPv6RouterAlert(length=2), PadN(length=0))
    places = tuple(IPv4RouteAddress(address=one) for one in ("192.0.2.8", "192.0.2.9"))
    options = (IPv4RouterAlert(), RecordRoute(addresses=places), LooseSourceRoute(addresses=places[:1]),
               IPv4Timestamp(flag=1, entries=bytes(8)))  # fmt: skip
    found = (V4.replace(options=options) / DATA).filled()
    assert [type(option) for option in found[IPv4].options[:4]] == [type(option) for option in options]
    assert found[IPv4].options[1].addresses == places and not found.faults  # type: ignore[attr-defined]


def test_esp_hides_what_is_inside() -> None:
    found = (V6 / ESP(security_parameters=7, sequence=1) / V4 / DATA).filled()
    assert [type(header) for header in found.layers] == [IPv6, ESP]


@pytest.mark.parametrize("outer", [V4, V6])
@pytest.mark.parametrize("inner", [V4, V6])
def test_ip_rides_on_ip_directly_and_in_gre(outer: IPv4 | IPv6, inner: IPv4 | IPv6) -> None:
    found = (outer / inner / DATA).filled()
    number = found.layers[0].protocol if isinstance(outer, IPv4) else found.layers[0].next_header  # type: ignore[attr-defined]
    assert number == (4 if isinstance(inner, IPv4) else 41) and found[UDP].length == 9
    tunnel = GRE(checksum_present=1, key_present=1, key=5, sequence_present=1, sequence=6)
    found = (outer / tunnel / inner / DATA).filled()
    assert not found.faults and found[UDP].length == 9 and found[GRE].key == 5
    assert all(check.ok for check in found.check())
    damaged = bytearray(found.encapsulate())
    damaged[-1] ^= 1
    wrong = [check.layer.name for check in decapsulate(bytes(damaged), type(outer)).check() if not check.ok]
    assert wrong == ["gre", "udp"]


def test_gre_carries_frames_and_pptp_its_own_form() -> None:
    frame = Ethernet(dst="02:00:00:00:00:02", src="02:00:00:00:00:01") / V4 / DATA
    assert (V4 / GRE() / frame).filled()[GRE].protocol == 0x6558
    found = (V4 / PPTPGRE(call=9, sequence_present=1, sequence=3) / b"ppp").filled()
    assert found[PPTPGRE].payload_length == 3 and found.payload == b"ppp" and not found.faults
    with_routes = bytes.fromhex("40000800 00000000 0000 0000 0000 0000")
    assert decapsulate(with_routes, GRE).payload == bytes(8)


def test_igmp_queries_of_version_three_are_longer() -> None:
    old = decapsulate((V4 / MembershipQuery()).encapsulate(), IPv4)
    new = decapsulate((V4 / MembershipQuery3(sources=(GroupSource(address="192.0.2.7"),))).encapsulate(), IPv4)
    assert MembershipQuery in old and new[MembershipQuery3].source_count == 1
    record = GroupRecord(type=1, group="239.1.2.3", sources=(GroupSource(address="192.0.2.7"),), auxiliary=bytes(4))
    report = (V4 / MembershipReport3(records=(record, record))).filled()[MembershipReport3]
    assert report.record_count == 2 and report.records[1].auxiliary_length == 1
