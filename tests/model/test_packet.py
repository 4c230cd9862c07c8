"""Composing, encapsulating and taking apart: identity, spans, faults, and verification."""

import random

import pytest

import packetlab.protocols  # noqa: F401
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.errors import UsageError
from packetlab.model.fault import CUT
from packetlab.model.packet import MAX_LAYERS, Packet, Span, decapsulate
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP


def frame(payload: bytes = b"hello") -> Packet:
    return (
        Ethernet(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:01")
        / IPv4(src="10.0.0.1", dst="10.0.0.2")
        / TCP(src_port=40000, dst_port=9, flags="PSH ACK")
        / payload
    )


def test_what_was_composed_comes_back_with_every_field_filled() -> None:
    packet = decapsulate(frame().encapsulate())
    assert packet[IPv4].total_length == 45
    assert packet[TCP].data_offset == 5
    assert packet.payload == b"hello"
    assert packet.faults == ()
    assert packet.spans == (Span(0, 14, 59), Span(14, 34, 59), Span(34, 54, 59)) == frame().spans
    assert packet == frame().filled()


def test_a_missing_layer_is_a_key_error_and_never_another_layers_field() -> None:
    packet = frame()
    with pytest.raises(KeyError, match="no UDP in Ethernet / IPv4 / TCP"):
        packet[UDP]
    assert UDP not in packet
    assert packet.get(UDP) is None
    assert TCP in packet


def test_a_cut_packet_keeps_what_came_before_and_encodes_to_the_same_bytes() -> None:
    raw = frame().encapsulate()
    for size in range(len(raw)):
        packet = decapsulate(raw[:size])
        assert packet.encapsulate() == raw[:size], size
        assert packet.faults or size in (0, 14)  # a whole Ethernet header with nothing inside is sound
    assert decapsulate(raw[:38])[TCP].src_port == 40000
    assert decapsulate(raw[:38])[TCP].sequence is CUT


def test_bytes_that_the_capture_left_out_are_not_the_senders_fault() -> None:
    raw = frame(bytes(500)).encapsulate()
    assert {fault.cause for fault in decapsulate(raw[:96]).faults} == {"sender"}
    assert {fault.cause for fault in decapsulate(raw[:96], wire_length=len(raw)).faults} == {"capture"}


def test_padding_behind_the_ip_packet_is_a_trailer_of_the_frame() -> None:
    raw = frame(b"").encapsulate() + bytes(6)
    packet = decapsulate(raw)
    assert packet.trailers == ((1, bytes(6)),)
    assert packet.payload == b""
    assert packet.spans[0].end == 60
    assert packet.spans[1].end == 54
    assert packet.encapsulate() == raw


def test_any_bytes_are_taken_apart_without_an_exception_and_put_together_the_same() -> None:
    rng = random.Random(793)
    raw = bytearray(frame(bytes(30)).encapsulate())
    for _ in range(3000):
        noisy = bytearray(raw)
        for _ in range(rng.randint(1, 6)):
            noisy[rng.randrange(len(noisy))] = rng.randrange(256)
        data = bytes(noisy[: rng.randint(0, len(noisy))])
        packet = decapsulate(data)
        assert packet.encapsulate() == data
        assert isinstance(packet.faults, tuple)
        assert all(0 <= fault.offset <= len(data) for fault in packet.faults)


def test_headers_inside_headers_end_at_the_stated_depth() -> None:
    inner: Packet | IPv4 = IPv4(src="10.0.0.1", dst="10.0.0.2", protocol=4)
    for _ in range(MAX_LAYERS + 10):
        inner = IPv4(src="10.0.0.1", dst="10.0.0.2", protocol=4) / inner
    packet = decapsulate(inner.encapsulate(), IPv4)
    assert len(packet.layers) <= MAX_LAYERS
    assert packet.encapsulate() == inner.encapsulate()


def test_an_unknown_link_type_leaves_all_bytes_as_payload() -> None:
    packet = decapsulate(b"whatever", 65000)
    assert packet.layers == ()
    assert packet.payload == b"whatever"
    assert packet.encapsulate() == b"whatever"


def test_nothing_goes_inside_bytes() -> None:
    with pytest.raises(UsageError, match="inside a payload"):
        frame() / UDP(src_port=1, dst_port=2)
    with pytest.raises(UsageError):
        Ethernet(dst=bytes(6), src=bytes(6)) / 7  # type: ignore[operator]


def test_text_goes_in_as_utf_8() -> None:
    assert (UDP(src_port=1, dst_port=2) / "grüß").payload == "grüß".encode()


def test_check_finds_a_flipped_bit_and_names_the_checksum_that_noticed() -> None:
    raw = bytearray(frame().encapsulate())
    assert all(check.ok for check in decapsulate(bytes(raw)).check())
    raw[56] ^= 0x10
    wrong = [check for check in decapsulate(bytes(raw)).check() if not check.ok]
    assert [(check.layer.name, check.field.name) for check in wrong] == [("tcp", "checksum")]
    assert "damaged" in wrong[0].text


def test_check_tells_offload_from_damage() -> None:
    composed = frame()
    half = decapsulate(composed.encapsulate())
    packet = Packet((*half.layers[:2], half[TCP].replace(checksum=0x1234)), half.payload)
    raw = decapsulate(packet.encapsulate())
    assert [c.verdict for c in raw.check() if c.field.name == "checksum"] == ["right", "wrong"]
    assert [c.verdict for c in raw.check(checksum_ready=False) if c.field.name == "checksum"] == ["right", "offload"]


def test_check_cannot_verify_what_was_cut_off() -> None:
    raw = frame(bytes(500)).encapsulate()[:200]
    verdicts = {(c.layer.name, c.field.name): c.verdict for c in decapsulate(raw, wire_length=554).check()}
    assert verdicts["tcp", "checksum"] == "unknown"
    assert verdicts["ipv4", "checksum"] == "right"
    assert verdicts["ipv4", "total_length"] == "unknown"


def test_a_udp_checksum_of_zero_means_that_there_is_none_and_a_computed_zero_is_sent_as_ones() -> None:
    base = IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(src_port=1, dst_port=9, checksum=0) / b"x"
    assert [c.verdict for c in decapsulate(base.encapsulate(), IPv4).check()][-1] == "absent"
    for filler in range(65536):
        packet = IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(src_port=1, dst_port=9) / filler.to_bytes(2, "big")
        if packet.encapsulate()[26:28] == b"\xff\xff":
            assert decapsulate(packet.encapsulate(), IPv4).check()[-1].verdict == "right"
            return
    raise AssertionError("some payload must sum to zero")


def test_a_first_fragments_missing_bytes_are_in_the_other_fragments() -> None:
    whole = UDP(src_port=1, dst_port=9) / bytes(100)
    first = IPv4(src="10.0.0.1", dst="10.0.0.2", more_fragments=1, protocol=17) / whole.encapsulate()[:48]
    later = IPv4(src="10.0.0.1", dst="10.0.0.2", fragment_offset=6, protocol=17) / bytes(60)
    assert {fault.cause for fault in decapsulate(first.encapsulate(), IPv4).faults} == {"fragment"}
    assert UDP not in decapsulate(later.encapsulate(), IPv4)
