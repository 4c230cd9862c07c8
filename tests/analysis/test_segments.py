"""TCP segments as columns: numbered as Wireshark numbers connections, whatever carries them."""

import io
from typing import Any

import packetlab.protocols  # noqa: F401
from packetlab.analysis.filter import parse
from packetlab.analysis.segments import Segments, segments
from packetlab.capture.writer import CaptureWriter
from packetlab.internet.fragments import fragment
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.ethernet import Ethernet
from packetlab.link.vlan import VLAN
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.transport.tcp import TCP

SYN, ACK, FIN, RST = int(TCP.SYN), int(TCP.ACK), int(TCP.FIN), int(TCP.RST)
CLIENT, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"


def segment(
    flags: int, sequence: int, data: bytes = b"", *, back: bool = False, port: int = 1000, ip: Any = IPv4, **more: Any
) -> Packet:
    ends = (CLIENT, SERVER) if ip is IPv4 else (b"\xfd" + bytes(15), b"\xfd" + bytes(14) + b"\1")
    ports = (80, port) if back else (port, 80)
    src, dst = reversed(ends) if back else ends
    tcp = TCP(src_port=ports[0], dst_port=ports[1], sequence=sequence, flags=flags, **more)
    return Ethernet(src=b"\2" * 6, dst=b"\4" * 6) / ip(src=src, dst=dst) / tcp / data


def captured(*packets: Packet | bytes, cut: int = 65535) -> io.BytesIO:
    out = io.BytesIO()
    writer = CaptureWriter(out)
    for number, packet in enumerate(packets):
        data = packet if isinstance(packet, bytes) else packet.encapsulate()
        writer.write(Frame(data[:cut], 10**18 + number * 10**6, len(data), 1))
    writer.flush()
    return io.BytesIO(out.getvalue())


def only(found: Any) -> Segments:
    (one,) = list(found)
    assert isinstance(one, Segments)
    return one


def test_both_directions_of_a_connection_have_one_number() -> None:
    found = only(segments(captured(segment(SYN, 1), segment(SYN | ACK, 9, back=True), segment(ACK, 2, b"hi"))))
    assert found.stream.tolist() == [0, 0, 0] and found.direction.tolist() == [0, 1, 0]
    assert found.length.tolist() == [0, 0, 2] and found.payload(2) == b"hi" and found.number.tolist() == [1, 2, 3]


def test_a_syn_with_another_number_begins_another_connection_on_the_same_ports() -> None:
    found = only(segments(captured(segment(SYN, 1), segment(ACK, 2), segment(SYN, 500), segment(ACK, 501))))
    assert found.stream.tolist() == [0, 0, 1, 1]


def test_a_syn_sent_again_belongs_to_the_same_connection() -> None:
    assert only(segments(captured(segment(SYN, 1), segment(SYN, 1)))).stream.tolist() == [0, 0]


def test_the_same_number_after_a_reset_is_the_same_attempt_again() -> None:
    packets = segment(SYN, 1), segment(RST | ACK, 0, back=True), segment(SYN, 1), segment(RST, 0, back=True)
    assert only(segments(captured(*packets))).stream.tolist() == [0, 0, 0, 0]


def test_the_one_who_opens_the_new_connection_is_its_first_sender() -> None:
    found = only(segments(captured(segment(ACK, 7), segment(ACK, 9, back=True), segment(SYN, 50, back=True),
                                   segment(SYN | ACK, 60))))  # fmt: skip
    assert found.stream.tolist() == [0, 0, 1, 1] and found.direction.tolist() == [0, 1, 0, 1]


def test_numbers_follow_the_first_packets_also_where_ports_are_used_again() -> None:
    found = only(segments(captured(segment(SYN, 1), segment(SYN, 2), segment(SYN, 1, port=5), segment(SYN, 3))))
    assert found.stream.tolist() == [0, 1, 2, 3]


def test_a_segment_in_fragments_stands_where_the_last_one_came() -> None:
    whole = segment(ACK, 1, bytes(range(200)), options=())
    parts = [part.encapsulate() for part in fragment(whole.filled(), 100)]
    assert len(parts) > 1
    found = only(segments(captured(*parts, segment(ACK, 201))))
    assert found.number.tolist() == [len(parts), len(parts) + 1] and found.stream.tolist() == [0, 0]
    assert found.payload(0) == bytes(range(200)) and found.length.tolist() == [200, 0]


def test_fragments_that_never_become_whole_give_no_segment() -> None:
    parts = [part.encapsulate() for part in fragment(segment(ACK, 1, bytes(200)).filled(), 100)]
    assert len(only(segments(captured(*parts[:-1])))) == 0


def test_ipv6_and_vlan_tags_change_nothing() -> None:
    plain = segment(SYN, 1, ip=IPv6)
    tagged = Packet((plain.layers[0].replace(type=None), VLAN(id=5), *plain.layers[1:]), b"abc")
    found = only(segments(captured(plain, tagged)))
    assert found.stream.tolist() == [0, 0] and found.payload(1) == b"abc"


def test_a_cut_packet_says_how_much_there_was_and_how_much_is_left() -> None:
    found = only(segments(captured(segment(ACK, 1, b"x" * 100), cut=64)))
    assert found.length.tolist() == [100] and found.captured.tolist() == [10] and found.payload(0) == b"x" * 10


def test_padding_is_no_payload() -> None:
    found = only(segments(captured(segment(ACK, 1).encapsulate() + bytes(6))))
    assert found.length.tolist() == [0] and found.payload(0) == b""


def test_a_filter_leaves_packets_out_but_not_out_of_the_numbering() -> None:
    source = captured(segment(SYN, 1), segment(SYN, 1, port=5), segment(ACK, 2, port=5))
    found = only(segments(source, parse("tcp.port == 5")))
    assert found.stream.tolist() == [1, 1] and found.number.tolist() == [2, 3]


def test_options_are_given_as_they_stand_in_the_header() -> None:
    from packetlab.transport.tcp import MaximumSegmentSize

    found = only(segments(captured(segment(SYN, 1, options=(MaximumSegmentSize(size=1460),)))))
    assert found.options(0) == bytes.fromhex("020405b4")
