"""Classic pcap: every variant, and every kind of damage."""

import io
import struct

import pytest

from packetlab.capture import CaptureReader, read
from packetlab.model.errors import CaptureError
from packetlab.model.frame import Frame
from tests.capture.build import START, expected, packet, pcap, plain, records


def opened(data: bytes) -> tuple[list[Frame], CaptureReader]:
    with read(io.BytesIO(data)) as capture:
        return list(capture), capture


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "scale", "file_extra"),
    [(0xA1B2C3D4, 1000, b""), (0xA1B23C4D, 1, b""), (0x1C0001AC, 1, bytes(4)), (0x1C0001AB, 1, bytes(4))],
)
def test_both_byte_orders_and_every_resolution_give_the_same_frames(
    order: str, magic: int, scale: int, file_extra: bytes
) -> None:
    packets = records(20)
    frames, capture = opened(pcap(packets, order=order, magic=magic, file_extra=file_extra, link_type=101))
    assert plain(frames) == expected(packets, scale)
    assert [frame.number for frame in frames] == list(range(1, 21))
    assert {frame.link_type for frame in frames} == {101}
    assert capture.format == "pcap"
    assert not capture.damage


def test_the_modified_format_has_a_longer_header_that_knows_the_direction() -> None:
    packets = records(3)
    extra = [struct.pack("<IHBB", 2, 0x0800, kind, 0) for kind in (0, 4, 2)]
    frames, capture = opened(pcap(packets, magic=0xA1B2CD34, extra=extra))
    assert plain(frames) == expected(packets)
    assert [frame.direction for frame in frames] == ["in", "out", "in"]
    assert "modified" in capture.description


def test_old_files_have_their_lengths_the_other_way_round() -> None:
    packets = [(START, 1, packet(1), 1500), (START, 2, packet(2), 60)]
    frames, _ = opened(pcap(packets, version=(2, 2), swapped=True))
    assert plain(frames) == expected(packets)
    frames, _ = opened(pcap(packets, version=(2, 3), swapped=True))
    assert plain(frames) == expected(packets)


def test_a_cut_packet_keeps_its_length_on_the_wire() -> None:
    frames, _ = opened(pcap([(START, 0, packet(1, 96), 1514)]))
    assert frames[0].is_cut
    assert frames[0].wire_length == 1514


def test_a_file_without_packets_is_a_capture_of_nothing() -> None:
    frames, capture = opened(pcap([]))
    assert frames == []
    assert not capture.damage


def test_the_link_type_is_without_the_bits_about_the_frame_check_sequence() -> None:
    _, capture = opened(pcap([], link_type=0x24000001))
    assert capture.interfaces[0].link_type == 1
    assert capture.interfaces[0].frame_check_length == 4


# ---------------------------------------------------------------- damage


def whole_and_offsets(count: int = 50) -> tuple[bytes, list[int]]:
    packets = records(count)
    offsets, at = [], 24
    for _, _, data, _ in packets:
        offsets.append(at)
        at += 16 + len(data)
    return pcap(packets), offsets


@pytest.mark.parametrize("cut", [1, 8, 16, 17, 40])
def test_a_file_that_ends_inside_a_record_loses_that_record_and_says_so(cut: int) -> None:
    data, offsets = whole_and_offsets()
    frames, capture = opened(data[: offsets[-1] + cut])
    assert plain(frames) == expected(records(49))
    (damage,) = capture.damage
    assert (damage.offset, damage.bytes_lost, damage.packets_lost) == (offsets[-1], cut, 1)
    assert "ends inside" in damage.what


@pytest.mark.parametrize("length", [0xFFFFFFFF, 300_000, 100_000, 1000, 61, 20, 0])
def test_a_wrong_length_costs_only_the_record_that_has_it(length: int) -> None:
    data, offsets = whole_and_offsets()
    broken = bytearray(data)
    struct.pack_into("<I", broken, offsets[20] + 8, length)
    frames, capture = opened(bytes(broken))
    good = expected(records(50))
    found = plain(frames)
    assert found[:20] == good[:20]
    assert [each for each in good if each not in found] in ([good[20]], [])
    assert found[-29:] == good[-29:]
    assert capture.damage[0].offset in (offsets[20], offsets[20] + 16 + length)
    assert all(damage.offset < offsets[21] for damage in capture.damage)


def test_zeros_in_the_middle_are_skipped_and_counted() -> None:
    data, offsets = whole_and_offsets()
    broken = data[: offsets[10]] + bytes(5000) + data[offsets[10] :]
    frames, capture = opened(broken)
    assert plain(frames) == expected(records(50))
    (damage,) = capture.damage
    assert (damage.offset, damage.bytes_lost) == (offsets[10], 5000)


def test_missing_bytes_cost_the_records_they_were_part_of() -> None:
    data, offsets = whole_and_offsets()
    frames, capture = opened(data[: offsets[10] + 7] + data[offsets[12] + 30 :])
    found = plain(frames)
    good = expected(records(50))
    assert found[:10] == good[:10]
    assert found[-37:] == good[13:]
    assert len(found) <= 49
    assert capture.damage


def test_damage_at_the_very_end_is_not_taken_for_packets() -> None:
    data, _ = whole_and_offsets()
    frames, capture = opened(data + b"\xff" * 100)
    assert plain(frames) == expected(records(50))
    assert [(d.offset, d.bytes_lost) for d in capture.damage] == [(len(data), 100)]


def test_a_capture_inside_a_packet_is_not_taken_apart() -> None:
    inner = pcap([(seconds - 864_000, *rest) for seconds, *rest in records(12)])
    packets = records(30)
    packets[10] = (START, 9, inner, len(inner))
    data = bytearray(pcap(packets))
    at = 24 + sum(16 + len(each[2]) for each in packets[:11])
    struct.pack_into("<I", data, at + 8, 0xFFFFFFF0)
    frames, _ = opened(bytes(data))
    good = expected(packets)
    assert plain(frames) == good[:11] + good[12:]


@pytest.mark.parametrize("byte", range(4))
def test_a_damaged_magic_number_is_recognised_and_noted(byte: int) -> None:
    data = bytearray(whole_and_offsets()[0])
    data[byte] ^= 0x55
    frames, capture = opened(bytes(data))
    assert len(frames) == 50
    assert "magic" in capture.damage[0].what


def test_an_unknown_version_is_read_and_noted() -> None:
    frames, capture = opened(pcap(records(3), version=(1, 4)))
    assert len(frames) == 3
    assert "version 1.4" in capture.damage[0].what


def test_the_damage_list_is_bounded() -> None:
    data = pcap([]) + (struct.pack("<IIII", START, 0, 4, 4) + b"abcd" + b"\xff" * 3) * 12_000
    frames, capture = opened(data)
    assert len(frames) > 11_000
    assert len(capture.damage) == 10_000
    assert "more" in str(capture.damage[-1]) or "places" in str(capture.damage[-1])
    assert capture.damage.bytes_lost > 30_000


# ---------------------------------------------------------------- no capture at all


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "is empty"),
        (b"\xd4\xc3\xb2\xa1\x02", "ends inside"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "is no capture file"),
        (b"snoop\0\0\0" + bytes(30), "snoop"),
        (b"\n\n\n\x1c" + bytes(30), "text mode"),
        (b"abc", "is no capture"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_sentence_with_a_remedy(data: bytes, cause: str) -> None:
    with pytest.raises(CaptureError, match=cause) as caught:
        read(io.BytesIO(data))
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
