"""pcapng: all sections, and every kind of damage."""

import io
import struct

import pytest

from packetlab.capture import CaptureReader, Damage, read
from packetlab.model.frame import Frame
from tests.capture.build import (
    START,
    block,
    enhanced,
    expected,
    interface,
    option,
    packet,
    pcapng,
    plain,
    records,
    section,
)

SECOND = 1_000_000_000


def opened(data: bytes) -> tuple[list[Frame], CaptureReader]:
    with read(io.BytesIO(data)) as capture:
        return list(capture), capture


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_give_the_same_frames(order: str) -> None:
    packets = records(300)
    frames, capture = opened(pcapng(packets, order))
    assert plain(frames) == expected(packets)
    assert [frame.number for frame in frames] == list(range(1, 301))
    assert capture.format == "pcapng"
    assert not capture.damage


def test_the_byte_order_may_change_with_each_section() -> None:
    first, second = records(5), records(9)
    frames, capture = opened(pcapng(first, "<") + pcapng(second, ">") + pcapng(first, "<"))
    assert plain(frames) == expected(first) + expected(second) + expected(first)
    assert [each.order for each in capture.sections] == ["<", ">", "<"]
    assert [each.section for each in capture.interfaces] == [0, 1, 2]


@pytest.mark.parametrize(
    ("resolution", "ticks", "nanoseconds"),
    [
        (b"\x06", 1_500_000, 1_500_000_000),
        (b"\x09", 1_500_000_001, 1_500_000_001),
        (b"\x00", 3, 3 * SECOND),
        (b"\x03", 1_501, 1_501_000_000),
        (b"\x0c", 1_500_000_000_999, 1_500_000_000),
        (b"\x88", 384, 1_500_000_000),
        (b"\xa0", 3 << 31, 1_500_000_000),
    ],
)
def test_every_time_resolution_and_offset_is_honoured(resolution: bytes, ticks: int, nanoseconds: int) -> None:
    options = option(9, resolution) + option(14, struct.pack("<q", -100))
    frames, capture = opened(section() + interface(options=options) + enhanced(b"abcd", ticks))
    assert frames[0].time == nanoseconds - 100 * SECOND
    assert capture.interfaces[0].time_offset == -100


def test_each_interface_has_its_own_link_type_name_and_filter() -> None:
    filtered = option(2, b"eth0") + option(11, b"\0tcp port 80") + option(3, b"the first") + option(1, b"why")
    data = section() + interface(options=filtered) + interface(101, 96) + enhanced(b"abcd", 1, which=1)
    frames, capture = opened(data + enhanced(b"efgh", 2))
    assert [(frame.interface, frame.link_type) for frame in frames] == [("interface 1", 101), ("eth0", 1)]
    first, second = capture.interfaces
    assert (first.filter, first.description, first.comment) == ("tcp port 80", "the first", "why")
    assert second.snap_length == 96


def test_directions_and_comments_of_packets_are_kept() -> None:
    options = option(1, b"look here") + option(2, struct.pack("<I", 2)) + option(1, b"and here") + bytes(4)
    frames, _ = opened(section() + interface() + enhanced(b"abcd", 1, options=options))
    assert frames[0].direction == "out"
    assert frames[0].comment == "look here\nand here"


def test_simple_and_old_packet_blocks_are_read() -> None:
    simple = block(3, struct.pack("<I", 100) + packet(7, 64))
    old = block(2, struct.pack("<HHIIII", 0, 3, 0, 5_000_000, 4, 60) + b"abcd" + option(2, struct.pack("<I", 1)))
    frames, capture = opened(section() + interface(snap_length=64) + simple + old)
    assert (frames[0].data, frames[0].wire_length, frames[0].time) == (packet(7, 64), 100, 0)
    assert (frames[1].data, frames[1].wire_length, frames[1].time) == (b"abcd", 60, 5 * SECOND)
    assert frames[1].direction == "in"
    assert not capture.damage


def test_everything_that_is_no_packet_is_accounted_for() -> None:
    names = struct.pack("<HH", 1, 12) + bytes([192, 0, 2, 1]) + b"host\0a\0\0" + bytes(4)
    counts = option(4, struct.pack("<Q", 100)) + option(5, struct.pack("<Q", 7)) + option(1, b"so many")
    data = b"".join(
        [
            section(options=option(1, b"a capture") + option(2, b"box") + option(3, b"Linux") + option(4, b"me")),
            interface(options=option(6, bytes(6)) + option(8, struct.pack("<Q", 10**9))),
            block(4, names),
            block(10, struct.pack("<II", 0x544C534B, 5) + b"KEYS\n\0\0\0"),
            block(5, struct.pack("<III", 0, 0, 2_000_000) + counts),
            block(0x0BAD, struct.pack("<I", 32473) + b"anything"),
            block(9, b"MESSAGE=hello\n\0\0"),
            block(0x80000001, b"whatever"),
        ]
    )
    frames, capture = opened(data)
    assert frames == []
    assert capture.sections[0].application == "me"
    assert [comment.text for comment in capture.comments] == ["a capture", "so many"]
    assert capture.names[0].names == ("host", "a")
    assert capture.secrets[0].kind_name == "TLS key log"
    assert capture.secrets[0].data == b"KEYS\n"
    (counted,) = capture.statistics
    assert (counted.received, counted.dropped_by_interface, counted.time) == (100, 7, 2 * SECOND)
    assert [each.kind for each in capture.other_blocks] == [0x0BAD, 9, 0x80000001]
    assert capture.other_blocks[0].enterprise == 32473
    assert capture.other_blocks[1].text == "MESSAGE=hello\n"
    assert not capture.damage


# ---------------------------------------------------------------- damage


def parts() -> list[bytes]:
    return [section(), interface(), *(enhanced(data, s * 10**6 + t) for s, t, data, _ in records(40))]


def test_a_cut_file_loses_its_last_packet_and_says_so() -> None:
    data = b"".join(parts())
    frames, capture = opened(data[:-5])
    assert plain(frames) == expected(records(39))
    (damage,) = capture.damage
    assert damage.packets_lost == 1
    assert "ends inside a block" in damage.what


@pytest.mark.parametrize("place", [0, 4, 8, 20, 24, 30, -4, -1])
def test_a_changed_byte_costs_at_most_the_block_that_has_it(place: int) -> None:
    blocks = parts()
    broken = bytearray(blocks[12])
    broken[place] ^= 0x5A
    frames, capture = opened(b"".join([*blocks[:12], bytes(broken), *blocks[13:]]))
    good, found = expected(records(40)), plain(frames)
    assert [each for each in good if each not in found] in ([good[10]], [])
    assert found[:10] == good[:10]
    assert found[-29:] == good[-29:]
    assert capture.damage or capture.other_blocks or len(found) == 40


def test_only_a_wrong_second_length_costs_nothing() -> None:
    blocks = parts()
    blocks[12] = blocks[12][:-4] + b"\xff\0\0\0"
    frames, capture = opened(b"".join(blocks))
    assert plain(frames) == expected(records(40))
    (damage,) = capture.damage
    assert (damage.bytes_lost, damage.packets_lost) == (4, 0)


def test_rubbish_between_blocks_is_skipped_at_any_alignment() -> None:
    blocks = parts()
    for size in (1, 2, 3, 101, 70_000):
        at = len(b"".join(blocks[:12]))
        frames, capture = opened(b"".join([*blocks[:12], b"\xa5" * size, *blocks[12:]]))
        assert plain(frames) == expected(records(40))
        (damage,) = capture.damage
        assert (damage.offset, damage.bytes_lost, damage.packets_lost) == (at, size, None)


def test_an_interface_whose_description_is_damaged_keeps_its_number() -> None:
    hurt = bytearray(interface(101))
    hurt[4] = 0xF3  # its length
    frames, capture = opened(
        section() + bytes(hurt) + interface(1) + enhanced(b"abcd", 1) + enhanced(b"ef", 2, which=1)
    )
    assert [frame.link_type for frame in frames] == [101, 1]
    assert len(capture.damage) == 1


def test_a_packet_of_an_interface_never_described_is_lost_if_others_were_described() -> None:
    frames, capture = opened(section() + interface() + enhanced(b"abcd", 1, which=5) + enhanced(b"efgh", 1))
    assert [frame.data for frame in frames] == [b"efgh"]
    assert capture.damage[0].packets_lost == 1
    assert "interface 5" in capture.damage[0].what


def test_without_any_description_an_interface_is_guessed_and_the_guess_noted() -> None:
    frames, capture = opened(section() + enhanced(b"abcd", START * 10**6))
    assert frames[0].time == START * SECOND
    assert capture.interfaces[0].guessed
    assert "never described" in capture.damage[0].what


def test_lengths_that_do_not_count_the_padding_are_understood() -> None:
    body = struct.pack("<IIIII", 0, 0, 7, 5, 5) + b"abcde"
    odd = struct.pack("<II", 6, 37) + body + bytes(3) + struct.pack("<I", 37)
    frames, capture = opened(section() + interface() + odd + enhanced(b"next", 8))
    assert [frame.data for frame in frames] == [b"abcde", b"next"]
    assert not capture.damage


def test_options_that_go_beyond_their_block_do_not_cost_the_packet() -> None:
    options = option(2, struct.pack("<I", 1)) + struct.pack("<HH", 1, 60_000) + b"abcd"
    frames, capture = opened(section() + interface() + enhanced(b"abcd", 1, options=options))
    assert (frames[0].data, frames[0].direction) == (b"abcd", "in")
    assert capture.damage == [Damage(48, "a packet's options go beyond its block", 8, 0)]


def test_times_beyond_64_bits_do_not_break_anything() -> None:
    frames, _ = opened(section() + interface() + enhanced(b"abcd", (1 << 64) - 1))
    assert frames[0].time == (1 << 63) - 1


def test_a_damaged_first_section_header_is_still_one() -> None:
    data = bytearray(b"".join(parts()))
    data[1] ^= 0xFF
    frames, capture = opened(bytes(data))
    assert plain(frames) == expected(records(40))
    assert capture.damage[0].offset == 0
    data = bytearray(b"".join(parts()))
    data[9] ^= 0xFF
    frames, capture = opened(bytes(data))
    assert plain(frames) == expected(records(40))
    assert capture.damage[0].offset == 8
