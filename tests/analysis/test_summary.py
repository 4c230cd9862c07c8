"""The summary counts what is there; with several processes, on damage, and over any times."""

from pathlib import Path

import numpy as np
import pytest

from packetlab import TCP, UDP, VLAN, Ethernet, IPv4, IPv6
from packetlab.analysis.filter import parse
from packetlab.analysis.summary import MOST_BINS, Bins, summary
from packetlab.capture.writer import CaptureWriter
from packetlab.internet.icmp import EchoRequest
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet

A, B = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])


def ethernet(**given: int) -> Ethernet:
    return Ethernet(src=b"\2\0\0\0\0\1", dst=b"\2\0\0\0\0\2", **given)


def packets() -> list[Packet]:
    tcp = IPv4(src=A, dst=B) / TCP(src_port=4000, dst_port=80) / b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    tagged = ethernet() / VLAN(id=7) / IPv6(src=bytes(15) + b"\1", dst=bytes(15) + b"\2") / UDP(src_port=1, dst_port=2)
    return [
        ethernet() / tcp, ethernet() / IPv4(src=B, dst=A) / TCP(src_port=80, dst_port=4000) / bytes(600),
        tagged / bytes(100), ethernet() / IPv4(src=A, dst=B) / EchoRequest() / b"ping",
        ethernet(type=0x1234) / bytes(46),
    ]  # fmt: skip


def written(path: Path, times: list[int] | None = None) -> Path:
    with CaptureWriter(path) as writer:
        for number, packet in enumerate(packets()):
            data = packet.encapsulate()
            writer.write(Frame(data, (times[number] if times else number * 10**9) + 10**18, len(data), 1))
    return path


def test_packets_bytes_times_and_sizes_are_counted(tmp_path: Path) -> None:
    found = summary(written(tmp_path / "a.pcapng"))
    lengths = [len(packet.encapsulate()) for packet in packets()]
    assert (found.packets, found.bytes, found.bytes_captured, found.packets_cut) == (5, sum(lengths), sum(lengths), 0)
    assert (found.duration, found.in_order) == (4 * 10**9, True)
    for low, high, count in found.sizes:
        assert count == sum(low <= length <= (high or 10**9) for length in lengths)
    assert sum(count for _, count, _ in found.bins) == 5 and sum(size for _, _, size in found.bins) == sum(lengths)


def test_the_tree_holds_every_protocol_behind_the_ones_around_it(tmp_path: Path) -> None:
    found = summary(written(tmp_path / "a.pcapng"))
    assert {one.path: one.packets for one in found.protocols} == {
        ("ethernet",): 5, ("ethernet", "ipv4"): 3, ("ethernet", "ipv4", "tcp"): 2,
        ("ethernet", "ipv4", "tcp", "http"): 1, ("ethernet", "ipv4", "icmp"): 1, ("ethernet", "vlan"): 1,
        ("ethernet", "vlan", "ipv6"): 1, ("ethernet", "vlan", "ipv6", "udp"): 1,
    }  # fmt: skip
    assert [one.path[-1] for one in found.protocols[:4]] == ["ethernet", "ipv4", "tcp", "http"]


def test_talkers_are_addresses_with_what_they_sent_and_received(tmp_path: Path) -> None:
    found = summary(written(tmp_path / "a.pcapng"))
    assert found.addresses == 4
    first = found.talkers[0]
    assert (first.address, first.packets_sent, first.packets_received) == ("10.0.0.1", 2, 1)
    assert {one.address for one in found.talkers} == {"10.0.0.1", "10.0.0.2", "::1", "::2"}


def test_a_filter_chooses_what_is_counted(tmp_path: Path) -> None:
    found = summary(written(tmp_path / "a.pcapng"), parse("tcp"))
    assert found.packets == 2 and found.addresses == 2
    assert [one.packets for one in found.protocols] == [2, 2, 2, 1]


def test_packets_that_are_not_in_order_of_time_are_noticed(tmp_path: Path) -> None:
    found = summary(written(tmp_path / "a.pcapng", [5, 1, 9, 3, 7]))
    assert not found.in_order and found.duration == 8


def test_an_empty_capture_has_no_times(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "a.pcapng"):
        pass
    found = summary(tmp_path / "a.pcapng")
    assert (found.packets, found.first, found.bins, found.protocols) == (0, None, [], [])


def test_damage_is_reported_and_what_is_sound_is_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcapng")
    path.write_bytes(path.read_bytes()[:-90])  # the last packet and the statistics behind it
    found = summary(path)
    assert found.damage and found.packets == 4


@pytest.mark.parametrize("seed", range(5))
def test_traffic_over_time_is_the_same_in_whatever_pieces_it_was_counted(seed: int) -> None:
    chance = np.random.default_rng(seed)
    times = chance.integers(-(10 ** chance.integers(3, 19)), 10 ** chance.integers(3, 19), 2000)
    sizes = chance.integers(1, 1500, 2000)
    whole = Bins()
    whole.add(times, sizes)
    pieces = Bins()
    for start in range(0, 2000, 400):
        part = Bins()
        for place in range(start, start + 400, 50):
            part.add(times[place : place + 50], sizes[place : place + 50])
        pieces.append(part)
    assert len(whole.counts) <= MOST_BINS and whole.counts.sum(0).tolist() == [2000, sizes.sum()]
    assert pieces.counts.sum(0).tolist() == whole.counts.sum(0).tolist()
    assert abs(pieces.shift - whole.shift) <= 1
