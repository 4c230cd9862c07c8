"""Flows: counts, directions, connections told apart, fragments, and one process against several."""

import random
from pathlib import Path
from typing import Any

import pytest

from packetlab import TCP, UDP, Ethernet, IPv4, IPv6
from packetlab.analysis.filter import parse
from packetlab.analysis.flow_keys import LAYERS
from packetlab.analysis.flow_sequences import add_sequences
from packetlab.analysis.flows import FlowTable, flows
from packetlab.analysis.summary import summary
from packetlab.capture.writer import CaptureWriter
from packetlab.internet.fragments import fragment
from packetlab.model.errors import CaptureError, UsageError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet

A, B = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
MAC = (bytes.fromhex("020000000001"), bytes.fromhex("020000000002"))
SYN, ACK, FIN, RST = 2, 16, 1, 4


def tcp(flags: int, sequence: int = 0, acknowledgment: int = 0, *, back: bool = False, port: int = 4000) -> bytes:
    src, dst = (B, A) if back else (A, B)
    ports = (80, port) if back else (port, 80)
    header = TCP(src_port=ports[0], dst_port=ports[1], sequence=sequence, acknowledgment=acknowledgment, flags=flags)
    return (Ethernet(src=MAC[back], dst=MAC[not back]) / IPv4(src=src, dst=dst) / header / b"").encapsulate()


def written(path: Path, packets: list[bytes], times: list[int] | None = None) -> Path:
    with CaptureWriter(path) as writer:
        for number, data in enumerate(packets):
            writer.write(Frame(data, (times[number] if times else number * 1_000_000) + 10**18, len(data), 1))
    return path


def plain(table: FlowTable) -> Any:
    return table.packets, [table[row] for row in range(len(table))]


def test_a_connection_is_one_flow_with_both_directions_its_state_and_the_handshake_times(tmp_path: Path) -> None:
    packets = [
        tcp(SYN, 100), tcp(SYN | ACK, 500, 101, back=True), tcp(ACK, 101, 501), tcp(FIN | ACK, 101, 501),
        tcp(FIN | ACK, 501, 102, back=True), tcp(ACK, 102, 502),
    ]  # fmt: skip
    (flow,) = flows(written(tmp_path / "a.pcapng", packets, [0, 3000, 5000, 6000, 7000, 9000]))
    assert (flow.packets_ab, flow.packets_ba, flow.state) == (4, 2, "closed")
    assert (flow.endpoint("a"), flow.endpoint("b")) == ("10.0.0.1:4000", "10.0.0.2:80")
    assert (flow.handshake_answer, flow.handshake_rtt, flow.duration) == (3000, 5000, 9000)
    assert flow.bytes_ab == sum(len(packet) for packet in packets if packet[6:12] == MAC[0])


@pytest.mark.parametrize(
    ("packets", "state"),
    [
        ([tcp(SYN, 1)], "syn sent"),
        ([tcp(SYN, 1), tcp(RST | ACK, 0, 2, back=True)], "refused"),
        ([tcp(SYN, 1), tcp(SYN | ACK, 5, 2, back=True)], "syn answered"),
        ([tcp(SYN, 1), tcp(SYN | ACK, 5, 2, back=True), tcp(ACK, 2, 6)], "open"),
        ([tcp(ACK, 9, 9), tcp(RST, 9)], "reset"),
        ([tcp(ACK, 9, 9), tcp(FIN | ACK, 9, 9)], "half closed"),
        ([tcp(ACK, 9, 9)], "open"),
    ],
)
def test_the_state_says_how_far_a_connection_came(tmp_path: Path, packets: list[bytes], state: str) -> None:
    assert [flow.state for flow in flows(written(tmp_path / "a.pcapng", packets))] == [state]


def test_a_syn_with_another_number_begins_a_new_flow_and_a_repeated_one_does_not(tmp_path: Path) -> None:
    packets = [tcp(SYN, 100), tcp(SYN, 100), tcp(RST, 0, back=True), tcp(SYN, 900), tcp(ACK, 901), tcp(SYN, 900)]
    found = flows(written(tmp_path / "a.pcapng", packets))
    assert [(flow.first_packet, flow.packets_ab, flow.packets_ba) for flow in found] == [(1, 2, 1), (4, 3, 0)]


def test_the_handshake_counts_from_the_last_syn_before_the_answer(tmp_path: Path) -> None:
    packets = [tcp(SYN, 100), tcp(SYN, 100), tcp(SYN | ACK, 5, 101, back=True), tcp(ACK, 101, 6)]
    (flow,) = flows(written(tmp_path / "a.pcapng", packets, [0, 1000, 1300, 1700]))
    assert (flow.handshake_answer, flow.handshake_rtt) == (300, 700)


def test_following_sequence_numbers_adds_retransmissions_and_round_trips_of_data(tmp_path: Path) -> None:
    def data(sequence: int, acknowledgment: int) -> bytes:
        header = TCP(src_port=4000, dst_port=80, sequence=sequence, acknowledgment=acknowledgment, flags=0x18)
        return (Ethernet(src=MAC[0], dst=MAC[1]) / IPv4(src=A, dst=B) / header / b"0123456789").encapsulate()

    packets = [
        tcp(SYN, 100), tcp(SYN | ACK, 500, 101, back=True), tcp(ACK, 101, 501), data(101, 501),
        tcp(ACK, 501, 111, back=True), data(111, 501), data(111, 501), tcp(ACK, 501, 121, back=True),
    ]  # fmt: skip
    path = written(tmp_path / "a.pcapng", packets, [time * 10**6 for time in (0, 10, 20, 30, 70, 80, 900, 950)])
    table = flows(path)
    assert table[0].retransmissions_ab is None
    add_sequences(table, path)
    assert (table[0].retransmissions_ab, table[0].retransmissions_ba) == (1, 0)
    assert table[0].data_rtt_ab is not None and table[0].data_rtt_ab >= 10**7
    with pytest.raises(UsageError, match="twice"):
        add_sequences(table, "-")


def udp_packet(size: int, *, six: bool = False) -> Packet:
    network: Any = IPv6(src=bytes(15) + b"\1", dst=bytes(15) + b"\2") if six else IPv4(src=A, dst=B, identification=7)
    return Ethernet(src=MAC[0], dst=MAC[1]) / network / UDP(src_port=5000, dst_port=53001) / bytes(size)


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (2, 1, 0)])
def test_fragments_belong_to_the_flow_of_their_first_one_in_any_order(
    tmp_path: Path, six: bool, order: tuple[int, ...]
) -> None:
    parts = [one.encapsulate() for one in fragment(udp_packet(3000, six=six), 1280)]
    assert len(parts) == 3
    path = written(tmp_path / "a.pcapng", [parts[number] for number in order])
    (flow,) = flows(path, "udp")
    assert (flow.packets_ab, flow.bytes_ab) == (3, sum(map(len, parts)))
    (flow,) = flows(path, "udp", fragments=False)
    assert flow.packets_ab == 1


def test_a_fragment_whose_first_one_is_missing_stays_without_a_flow(tmp_path: Path) -> None:
    parts = [one.encapsulate() for one in fragment(udp_packet(3000), 1280)]
    assert not len(flows(written(tmp_path / "a.pcapng", parts[1:]), "udp"))


def test_a_filter_chooses_the_packets_that_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcapng", [tcp(ACK, port=port) for port in (1000, 2000, 1000)])
    (flow,) = flows(path, where=parse("tcp.port == 1000"))
    assert (flow.packets, flow.a_port) == (2, 1000)


def random_traffic(count: int, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    packets: list[bytes] = []
    while len(packets) < count:
        kind = chance.random()
        flags = chance.choice([SYN, SYN, SYN | ACK, ACK, ACK, ACK, FIN | ACK, RST])
        if kind < 0.7:
            packets.append(tcp(flags, chance.randrange(3), chance.randrange(3), back=chance.random() < 0.5,
                               port=1000 + chance.randrange(40)))  # fmt: skip
        elif kind < 0.9:
            parts = [one.encapsulate() for one in fragment(udp_packet(chance.randrange(4000)), 1280)]
            chance.shuffle(parts)
            packets += parts
        else:
            packets.append(udp_packet(chance.randrange(1200), six=True).encapsulate())
    return packets


@pytest.mark.parametrize("seed", range(4))
def test_several_processes_find_the_flows_of_one(tmp_path: Path, seed: int) -> None:
    path = written(tmp_path / "a.pcapng", random_traffic(4000, seed))
    for layer in LAYERS:
        expected = plain(flows(path, layer, processes=1))
        for processes in (2, 3, 4):
            assert plain(flows(path, layer, processes=processes)) == expected
    expected_summary = summary(path, processes=1)
    assert expected_summary.packets >= 4000
    for processes in (2, 4):
        assert summary(path, processes=processes) == expected_summary


def test_several_processes_find_the_flows_of_one_on_real_captures(corpora: Path) -> None:
    names = ["many-protocols.pcap", "ip-frag.pcap", "http-packets.pcap", "out-of-order.pcap", "cip.pcap"]
    for path in sorted(path for name in names for path in corpora.rglob(name)):
        try:
            assert summary(path, processes=1) == summary(path, processes=3)
        except CaptureError:
            continue
        for layer in ("tcp", "udp", "ip"):
            assert plain(flows(path, layer, processes=1)) == plain(flows(path, layer, processes=3))  # type: ignore[arg-type]


def test_flows_of_many_pieces_equal_a_plain_count(tmp_path: Path) -> None:
    chance = random.Random(5)
    chosen = [(1000 + chance.randrange(500), chance.random() < 0.5) for _ in range(3000)]
    found = flows(written(tmp_path / "a.pcapng", [tcp(ACK, back=back, port=port) for port, back in chosen]))
    assert len(found) == len({port for port, _ in chosen})
    for flow in found:
        port = max(flow.a_port, flow.b_port)
        assert flow.packets == sum(one == port for one, _ in chosen)
