"""The handshake conversation with given times, against a peer written out by hand."""

import pytest

from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import ipv4_bytes
from packetlab.model.conversation import Step
from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.handshake import Handshake, PortResult
from packetlab.transport.tcp import TCP

MS = 1_000_000
SECOND = 1000 * MS
HERE, THERE = ipv4_bytes("192.0.2.1"), ipv4_bytes("192.0.2.2")
START = 0xFFFFFFF0
PEER = 5_000


def machine(*ports: int, **options: object) -> tuple[Handshake, Step]:
    conversation = Handshake(HERE, THERE, ports or (80,), 40_000, START, **options)  # type: ignore[arg-type]
    return conversation, conversation.begin(0)


def hear(conversation: Handshake, now: int, packet: Packet) -> Step:
    data = (Ethernet(dst=bytes(6), src=bytes(6)) / packet).encapsulate()
    return conversation.receive(decapsulate(data), Frame(data, now, len(data), direction="in"))


def segment(flags: int, sequence: int, acknowledgment: int, data: bytes = b"", port: int = 80) -> Packet:
    header = TCP(src_port=port, dst_port=40_000, sequence=sequence & 0xFFFFFFFF, flags=flags,
                 acknowledgment=acknowledgment & 0xFFFFFFFF)  # fmt: skip
    return IPv4(src=THERE, dst=HERE) / header / data


def test_an_open_port_is_acknowledged_and_closed_in_both_directions() -> None:
    conversation, step = machine()
    syn = step.send[0].filled()
    ours = syn[TCP].sequence
    assert syn[TCP].flags == TCP.SYN and not [check for check in syn.check() if not check.ok]
    conversation.sent(syn, Frame(b"", 2 * MS, 0))
    step = hear(conversation, 5 * MS, segment(TCP.SYN | TCP.ACK, PEER, ours + 1))
    assert [packet[TCP].flags for packet in step.send] == [TCP.ACK, TCP.FIN | TCP.ACK]
    assert step.send[0][TCP].acknowledgment == PEER + 1
    step = hear(conversation, 6 * MS, segment(TCP.ACK | TCP.PSH, PEER + 1, ours + 2, b"220 hi\r\n"))
    assert step.send[0][TCP].acknowledgment == PEER + 9 and not step.done
    step = hear(conversation, 7 * MS, segment(TCP.ACK | TCP.FIN, PEER + 9, ours + 2))
    (result,) = step.events
    assert step.send[0][TCP].acknowledgment == PEER + 10 and step.done
    assert (result.state, result.rtt, result.banner) == ("open", 3 * MS, b"220 hi\r\n")
    assert result.ending == "closed by FIN in both directions"


def test_sequence_numbers_wrap_around_zero() -> None:
    conversation, step = machine()
    ours = step.send[0][TCP].sequence
    step = hear(conversation, MS, segment(TCP.SYN | TCP.ACK, 0xFFFFFFFF, ours + 1))
    assert step.send[0][TCP].acknowledgment == 0


def test_with_rst_the_connection_ends_at_once() -> None:
    conversation, step = machine(finish="rst")
    step = hear(conversation, MS, segment(TCP.SYN | TCP.ACK, PEER, step.send[0][TCP].sequence + 1))
    assert [packet[TCP].flags for packet in step.send] == [TCP.ACK, TCP.RST | TCP.ACK]
    assert step.done and step.events[0].state == "open"


def test_a_reset_means_closed_only_if_it_acknowledges_our_syn() -> None:
    conversation, step = machine()
    ours = step.send[0][TCP].sequence
    assert not hear(conversation, MS, segment(TCP.RST | TCP.ACK, 0, ours + 7)).events
    assert not hear(conversation, MS, segment(TCP.RST, 0, 0)).events
    step = hear(conversation, 2 * MS, segment(TCP.RST | TCP.ACK, 0, ours + 1))
    assert step.done and step.events[0].state == "closed"


def test_a_syn_ack_of_another_connection_is_answered_with_a_reset_as_rfc_9293_asks() -> None:
    conversation, step = machine()
    step = hear(conversation, MS, segment(TCP.SYN | TCP.ACK, PEER, 12345))
    assert [(packet[TCP].flags, packet[TCP].sequence) for packet in step.send] == [(TCP.RST, 12345)]
    assert not step.done


def test_silence_is_filtered_after_all_tries_with_doubled_waits() -> None:
    conversation, step = machine(timeout=1.0, retries=2)
    times, now = [0], 0
    while not step.done:
        assert step.deadline is not None
        now = step.deadline
        step = conversation.expire(now)
        times += [now] * len(step.send)
    assert times == [0, SECOND, 3 * SECOND] and now == 7 * SECOND
    assert step.events[0].state == "filtered" and step.events[0].tries == 3


def test_many_ports_are_under_way_at_a_time_but_not_more_than_asked() -> None:
    conversation, step = machine(*range(1, 101), parallel=10)
    assert len(step.send) == 10
    found: list[PortResult] = []
    queue = list(step.send)
    while queue:
        syn = queue.pop(0)[TCP]
        step = hear(conversation, MS, segment(TCP.RST | TCP.ACK, 0, syn.sequence + 1, port=syn.dst_port))
        found += step.events
        queue += step.send
    assert sorted(result.port for result in found) == list(range(1, 101)) and step.done


def test_the_peer_that_never_closes_is_reset_after_lingering() -> None:
    conversation, step = machine(linger=1.0)
    ours = step.send[0][TCP].sequence
    hear(conversation, MS, segment(TCP.SYN | TCP.ACK, PEER, ours + 1))
    step = hear(conversation, 2 * MS, segment(TCP.ACK, PEER + 1, ours + 2))
    step = conversation.expire(step.deadline or 0)
    assert step.send[-1][TCP].flags & TCP.RST and step.done and "reset" in step.events[0].ending


def test_stopping_resets_what_is_open_and_reports_what_is_not() -> None:
    conversation, step = machine(80, 81)
    first = next(packet[TCP] for packet in step.send if packet[TCP].dst_port == 80)
    hear(conversation, MS, segment(TCP.SYN | TCP.ACK, PEER, first.sequence + 1))
    step = conversation.stop(2 * MS)
    assert {event.port: event.state for event in step.events} == {80: "open", 81: "stopped"}
    assert [packet[TCP].flags for packet in step.send] == [TCP.RST | TCP.ACK]


def test_segments_of_others_change_nothing() -> None:
    conversation, step = machine()
    other = IPv4(src=HERE, dst=HERE) / TCP(src_port=80, dst_port=40_000, flags=TCP.RST | TCP.ACK)
    assert hear(conversation, MS, Packet(other.layers)).deadline == step.deadline


def test_port_0_is_refused() -> None:
    with pytest.raises(UsageError):
        machine(0)
