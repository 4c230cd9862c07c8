"""Display filters: one language over one packet and over columns, with errors that point at the column."""

from pathlib import Path

import numpy as np
import pytest

import packetlab.protocols  # noqa: F401
from packetlab.analysis.filter import parse
from packetlab.analysis.filter.grammar import FilterError
from packetlab.analysis.filter.selected import live
from packetlab.capture.index import chunks
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.tcp import TCP, MaximumSegmentSize
from tests.oracle.display_filters import sample
from tests.oracle.filter_expressions import EXPRESSIONS


def packet() -> Packet:
    frame = Ethernet(dst="02:00:00:00:00:02", src="02:00:00:00:00:01") / IPv4(src="10.0.0.1", dst="192.0.2.7", ttl=63)
    return decapsulate((frame / TCP(src_port=40000, dst_port=80, flags="SYN") / b"GET / HTTP").encapsulate())


@pytest.mark.parametrize(
    "text",
    [
        "tcp", "ip && tcp", "tcp.port == 80", "tcp.srcport > tcp.dstport", "ip.addr == 10.0.0.0/8", "not udp",
        "ip.addr != 10.0.0.2", "tcp.flags.syn == 1 and tcp.flags.ack == 0", "tcp.flags & 2", "eth.src[0:3] == 02:00:00",
        "ip.ttl in {1..63}", "tcp.port in {22, 80}", "ipv4.ttl == 63", "tcp.dst_port == 80", "tcp.syn",
        "ip.hdr_len == 20", "tcp contains \"GET\"", "tcp[13] & 2", "all tcp.port > 79", "80 == tcp.port",
        "len(tcp) == 20", "count(tcp.port) == 2", "tcp xor udp", "ip.proto == TCP", "tcp matches \"get\"",
    ],
)  # fmt: skip
def test_a_filter_that_holds_for_a_packet_says_so(text: str) -> None:
    assert parse(text).matches(packet())
    assert not parse(f"!({text})").matches(packet())


@pytest.mark.parametrize(
    "text",
    ["udp", "tcp.port == 81", "ip.addr == 11.0.0.0/8", "ip.addr != 10.0.0.1", "all tcp.port > 80", "udp.port != 1"],
)
def test_a_filter_that_does_not_hold_says_that(text: str) -> None:
    assert not parse(text).matches(packet())


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("tcp.port == ", 12), ("tcp.prot == 80", 1), ("ip.src == 10.0.0.300", 11), ("(tcp", 5), ("tcp.port == x", 13),
        ("tcp && foo.bar", 8), ("eth.src == 02:00", None), ("tcp matches \"(\"", 13),
    ],
)  # fmt: skip
def test_an_error_points_at_its_column(text: str, column: int | None) -> None:
    if column is None:
        assert not parse(text).matches(packet())
        return
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert caught.value.column == column
    assert str(caught.value).splitlines()[-1].index("^") == column + 1


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(FilterError) as caught:
        parse("tcp.dsport == 80")
    assert "tcp.dstport" in caught.value.remedy


def test_columns_select_what_single_packets_match(corpora: Path) -> None:
    understood = []
    for expression in EXPRESSIONS:
        try:
            understood.append(parse(expression))
        except FilterError:
            continue
    assert len(understood) > 500
    for path in sample(8, 20_000):
        with chunks(path) as index:
            for chunk in index:
                first = int(chunk.packets.time[0]) if len(chunk) else 0
                frames = list(chunk.frames())
                packets = [decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length) for frame in frames]
                for test in understood:
                    fast = test.select(chunk, first)
                    single = live(test) if test.is_state else None
                    slow = [single(frame) if single is not None else test.matches(one, frame, first)
                            for one, frame in zip(packets, frames, strict=True)]  # fmt: skip
                    assert np.array_equal(fast, slow), (path.name, test.text, np.flatnonzero(fast != np.array(slow)))


def test_fields_of_options_and_records_are_found_inside_their_headers() -> None:
    tcp = TCP(src_port=1, dst_port=2, flags="SYN", options=(MaximumSegmentSize(size=1400),))
    syn = Ethernet(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IPv4(src="10.0.0.1", dst="10.0.0.2") / tcp
    made = decapsulate(syn.encapsulate())
    assert parse("tcp.options.mss_val == 1400").matches(made)
    assert not parse("tcp.options.mss_val == 1460").matches(made)
    assert parse("tcp.option_kind == 2").matches(made)


def test_a_field_that_a_class_has_from_another_has_each_value_once() -> None:
    from packetlab.analysis.filter.binding import subject_of

    for name in ("dns.resp.ttl", "arp.opcode", "icmp.code", "stp.root.cost"):
        headers = [source.header for source in subject_of(name).sources]
        assert not any(a is not b and issubclass(a, b) for a in headers for b in headers), name


def test_what_the_frames_before_tell_can_be_asked_for(corpora: Path) -> None:
    from packetlab.analysis.tcp_health import health

    path = corpora / "CESNET+ipfixprobe/tests/functional/inputs/http.pcap"
    parts = list(health(path))
    test, found = parse("tcp.analysis.ack_rtt && tcp.stream >= 0"), []
    assert test.is_state
    with chunks(path) as index:
        for chunk in index:
            found += (np.flatnonzero(test.select(chunk)) + chunk.first).tolist()
    assert found and found == [n for part in parts for n in part.number[part.round_trip >= 0].tolist()]
