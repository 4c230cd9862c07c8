"""Ping and neighbour discovery with given times: every verdict that a reply can get."""

import pytest

from packetlab.internet.icmp import DestinationUnreachable, EchoReply, EchoRequest
from packetlab.internet.icmpv6 import (
    EchoReply6,
    EchoRequest6,
    NeighbourAdvertisement,
    NeighbourSolicitation,
    TargetLinkLayerAddress,
)
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.internet.neighbour_discovery import Solicit
from packetlab.internet.ping import NoReply, Ping, Problem, Reply, Statistics
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import ipv4_bytes, ipv6_bytes, mac_bytes
from packetlab.model.conversation import Conversation, Step
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate

MS = 1_000_000
SECOND = 1000 * MS
HERE, THERE, OTHER = ipv4_bytes("192.0.2.1"), ipv4_bytes("192.0.2.2"), ipv4_bytes("192.0.2.9")
HERE6, THERE6 = ipv6_bytes("2001:db8::1"), ipv6_bytes("2001:db8::2")
OURS, THEIRS, THIRD = mac_bytes("02:00:00:00:00:01"), mac_bytes("02:00:00:00:00:02"), mac_bytes("02:00:00:00:00:03")
DATA = bytes(range(56))


def pinger(**options: object) -> Ping:
    return Ping(HERE, THERE, 7, data=DATA, **options)  # type: ignore[arg-type]


def hear(conversation: Conversation, now: int, packet: Packet) -> Step:
    data = (packet if Ethernet in packet else Ethernet(dst=OURS, src=THEIRS) / packet).encapsulate()
    return conversation.receive(decapsulate(data), Frame(data, now, len(data), direction="in"))


def echo(sequence: int, data: bytes = DATA, source: bytes = THERE, identifier: int = 7) -> Packet:
    return IPv4(src=source, dst=HERE, ttl=60) / EchoReply(identifier=identifier, sequence=sequence) / data


def only(step: Step) -> object:
    (event,) = step.events
    return event


def test_a_reply_in_time_gets_its_rtt_from_the_times_on_the_wire() -> None:
    ping = pinger()
    step = ping.begin(0)
    left = step.send[0].filled()
    ping.sent(left, Frame(b"", 3 * MS, 0))
    reply = only(hear(ping, 5 * MS, echo(1)))
    assert isinstance(reply, Reply)
    assert (reply.kind, reply.rtt, reply.ttl, reply.size) == ("reply", 2 * MS, 60, 64)


def test_requests_leave_one_interval_apart_from_the_plan_and_not_from_the_actual_time() -> None:
    ping = pinger(count=4, interval=1.0, timeout=5)
    step, planned = ping.begin(0), []
    for late in (0, 30 * MS, 7 * MS):
        assert step.deadline is not None
        planned.append(step.deadline)
        step = ping.expire(step.deadline + late)
    assert planned == [SECOND, 2 * SECOND, 3 * SECOND]


def test_the_conversation_ends_with_the_last_reply_or_its_timeout() -> None:
    ping = pinger(count=1)
    ping.begin(0)
    assert hear(ping, MS, echo(1)).done
    ping = pinger(count=1)
    step = ping.begin(0)
    assert step.deadline == SECOND
    step = ping.expire(SECOND)
    assert only(step) == NoReply(1, SECOND) and step.done and ping.statistics.loss == 1


@pytest.mark.parametrize(
    ("packet", "kind", "note"),
    [
        (echo(1, DATA[:-1] + b"\x00"), "wrong", "byte 55 of the data is 0x00 instead of 0x37"),
        (echo(1, DATA[:20]), "wrong", "20 bytes of data instead of 56"),
        (echo(1, source=OTHER), "wrong", "192.0.2.9, which was not asked"),
        (echo(9), "wrong", "no request has that sequence number"),
    ],
)
def test_a_reply_that_is_not_the_request_s_is_wrong_and_says_why(packet: Packet, kind: str, note: str) -> None:
    ping = pinger()
    ping.begin(0)
    reply = only(hear(ping, MS, packet))
    assert isinstance(reply, Reply) and reply.kind == kind and note in reply.note
    assert ping.statistics.received == 0 and ping.statistics.wrong == 1
    assert isinstance(only(hear(ping, 2 * MS, echo(1))), Reply) and ping.statistics.received == 1


def test_the_second_reply_to_a_request_is_a_duplicate() -> None:
    ping = pinger()
    ping.begin(0)
    hear(ping, MS, echo(1))
    reply = only(hear(ping, 2 * MS, echo(1)))
    assert isinstance(reply, Reply) and reply.kind == "duplicate"
    assert (ping.statistics.received, ping.statistics.duplicates) == (1, 1)


def test_a_reply_after_the_timeout_is_late_and_the_request_stays_lost() -> None:
    ping = pinger(count=2, interval=1.0, timeout=0.5)
    ping.begin(0)
    ping.expire(SECOND // 2)
    reply = only(hear(ping, SECOND * 3 // 4, echo(1)))
    assert isinstance(reply, Reply) and reply.kind == "late" and reply.rtt == SECOND * 3 // 4
    assert ping.statistics.received == 0 and ping.statistics.late == 1


def test_a_request_whose_time_is_not_up_when_it_is_interrupted_is_under_way_and_not_lost() -> None:
    ping = pinger(count=None, interval=0.5, timeout=1.0)
    ping.begin(0)
    hear(ping, 10_000_000, echo(1))
    ping.expire(500_000_000)
    ping.expire(1_000_000_000)
    step = ping.stop(1_600_000_000)  # the second went at 0.5 s: its second is over; the third's is not
    assert step.done
    assert [event.sequence for event in step.events if isinstance(event, NoReply)] == [2]
    assert (ping.statistics.sent, ping.statistics.received, ping.statistics.pending) == (3, 1, 1)
    assert ping.statistics.loss == 0.5


def test_an_echo_of_another_ping_is_left_alone() -> None:
    ping = pinger()
    deadline = ping.begin(0).deadline
    step = hear(ping, MS, echo(1, identifier=8))
    assert not step.send and not step.events and step.deadline == deadline


def test_requests_of_two_pings_that_may_be_cut_have_different_identifications() -> None:
    numbers = [
        packet[IPv4].identification
        for identifier in (7, 7000)
        for packet in map(Ping(HERE, THERE, identifier, data=DATA).request, (1, 2, 3))
    ]
    assert len(set(numbers)) == 6


def test_an_icmp_error_settles_the_request_that_it_quotes() -> None:
    ping = pinger(count=1)
    step = ping.begin(0)
    quoted = step.send[0].encapsulate()[:28]
    error = IPv4(src=OTHER, dst=HERE) / DestinationUnreachable(code=4, next_hop_mtu=1400) / quoted
    step = hear(ping, MS, error)
    problem = only(step)
    assert isinstance(problem, Problem) and step.done
    assert (problem.sequence, problem.sender, problem.mtu) == (1, OTHER, 1400) and "1400 bytes" in problem.text


def test_an_error_that_quotes_somebody_else_s_request_is_left_alone() -> None:
    ping = pinger(count=1)
    ping.begin(0)
    for identifier, target in ((8, THERE), (7, OTHER)):
        quoted = (IPv4(src=HERE, dst=target) / EchoRequest(identifier=identifier, sequence=1)).encapsulate()
        assert not hear(ping, MS, IPv4(src=OTHER, dst=HERE) / DestinationUnreachable(code=1) / quoted).events


def test_a_flood_sends_with_each_reply_and_remembers_one_turn_of_the_sequence_at_most() -> None:
    ping = pinger(count=70_000, flood=True)
    now, step = 0, ping.begin(0)
    packet = decapsulate((Ethernet(dst=OURS, src=THEIRS) / echo(1)).encapsulate())
    for number in range(1, 70_000):
        now += 1000
        sequence = number & 0xFFFF
        layers = (*packet.layers[:-1], packet.layers[-1].replace(sequence=sequence))
        answer = Packet(layers, DATA)
        answer.data, answer._bounds = packet.data, packet.bounds()
        step = ping.receive(answer, Frame(b"", now, 0))
        assert len(step.send) == 1
    assert ping.statistics.received == 69_999 and len(ping.requests) <= 65_536 and len(ping.order) <= 2


def test_the_deviation_is_that_of_the_whole_population() -> None:
    found = Statistics()
    for rtt in (2, 4, 4, 4, 5, 5, 7, 9):
        found.add(rtt)
    assert (found.average, found.deviation, found.minimum, found.maximum) == (5.0, 2.0, 2, 9)


def test_over_ipv6_the_same_conversation_speaks_icmpv6() -> None:
    ping = Ping(HERE6, THERE6, 7, data=DATA, count=1)
    request = ping.begin(0).send[0].filled()
    assert request[EchoRequest6].sequence == 1 and not [check for check in request.check() if not check.ok]
    step = hear(ping, MS, IPv6(src=THERE6, dst=HERE6) / EchoReply6(identifier=7, sequence=1) / DATA)
    assert step.done and ping.statistics.received == 1


def advertisement(mac: bytes, target: bytes = THERE6, hop_limit: int = 255) -> Packet:
    return (
        Ethernet(dst=OURS, src=mac)
        / IPv6(src=target, dst=HERE6, hop_limit=hop_limit)
        / NeighbourAdvertisement(target=target, solicited=1, options=(TargetLinkLayerAddress(address=mac),))
    )


def test_a_solicitation_goes_to_the_group_of_the_last_three_bytes() -> None:
    packet = Solicit(OURS, HERE6, ipv6_bytes("2001:db8::12:3456:789a")).begin(0).send[0].filled()
    assert packet[IPv6].dst == ipv6_bytes("ff02::1:ff56:789a") and packet[IPv6].hop_limit == 255
    assert packet[Ethernet].dst == mac_bytes("33:33:ff:56:78:9a")
    assert packet[NeighbourSolicitation].options[0].address == OURS  # type: ignore[attr-defined]


def test_an_advertisement_that_crossed_a_router_is_left_alone() -> None:
    solicit = Solicit(OURS, HERE6, THERE6)
    solicit.begin(0)
    assert not hear(solicit, MS, advertisement(THEIRS, hop_limit=254)).events
    assert not hear(solicit, MS, advertisement(THEIRS, target=HERE6)).events
    assert len(hear(solicit, 2 * MS, advertisement(THEIRS)).events) == 1


def test_two_owners_of_one_address_contradict_each_other() -> None:
    solicit = Solicit(OURS, HERE6, THERE6)
    solicit.begin(0)
    hear(solicit, MS, advertisement(THEIRS))
    (second,) = hear(solicit, 2 * MS, advertisement(THIRD)).events
    assert second.contradicts == THEIRS


def test_a_probe_asks_from_nobody_without_an_option_and_ends_with_the_first_claim() -> None:
    probe = Solicit(OURS, HERE6, THERE6, probe=True)
    packet = probe.begin(0).send[0].filled()
    assert packet[IPv6].src == bytes(16) and packet[NeighbourSolicitation].options == ()
    same = Ethernet(dst=b"\x33\x33\xff\x00\x00\x02", src=THIRD) / IPv6(
        src=bytes(16), dst=ipv6_bytes("ff02::1:ff00:2"), hop_limit=255
    )
    step = hear(probe, MS, same / NeighbourSolicitation(target=THERE6))
    assert step.done and step.events[0].kind == "probe"
