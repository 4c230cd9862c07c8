"""ARP conversations with given times: no socket, no sleep."""

import itertools
import random

from packetlab.link.arp import ARP
from packetlab.link.arp_resolve import Announce, Claim, Probe, Resolve, Scan
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import ipv4_bytes, mac_bytes
from packetlab.model.conversation import Conversation, Step
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate

MS = 1_000_000
SECOND = 1000 * MS
OURS, THEIRS, THIRD = mac_bytes("02:00:00:00:00:01"), mac_bytes("02:00:00:00:00:02"), mac_bytes("02:00:00:00:00:03")
HERE, THERE = ipv4_bytes("192.0.2.1"), ipv4_bytes("192.0.2.2")


def hear(conversation: Conversation, packet: Packet, now: int) -> Step:
    data = packet.encapsulate()
    return conversation.receive(decapsulate(data), Frame(data, now, len(data), direction="in"))


def left(conversation: Conversation, packet: Packet, now: int) -> None:
    data = packet.encapsulate()
    conversation.sent(decapsulate(data), Frame(data, now, len(data), direction="out"))


def reply(mac: bytes, address: bytes = THERE, to: bytes = HERE, operation: int = 2) -> Packet:
    header = ARP(operation=operation, sender_hardware=mac, sender_protocol=address, target_hardware=OURS,
                 target_protocol=to)  # fmt: skip
    return Ethernet(dst=OURS, src=mac) / header


def test_resolve_asks_by_broadcast_and_takes_the_time_from_the_wire() -> None:
    resolve = Resolve(OURS, HERE, THERE)
    step = resolve.begin(0)
    assert len(step.send) == 1 and step.deadline == SECOND
    question = step.send[0].filled()
    assert question[Ethernet].dst == b"\xff" * 6 and question[ARP].target_protocol == THERE
    left(resolve, step.send[0], 5 * MS)
    step = hear(resolve, reply(THEIRS), 7 * MS)
    assert step.events == [Claim(THERE, THEIRS, 7 * MS, 2 * MS)]
    assert step.deadline == 107 * MS and not step.done
    assert resolve.expire(107 * MS).done


def test_a_second_machine_with_the_same_address_is_reported_and_the_same_answer_twice_is_not() -> None:
    resolve = Resolve(OURS, HERE, THERE)
    resolve.begin(0)
    hear(resolve, reply(THEIRS), MS)
    assert hear(resolve, reply(THEIRS), 2 * MS).events == ()
    (claim,) = hear(resolve, reply(THIRD), 3 * MS).events
    assert claim.contradicts == THEIRS


def test_resolve_asks_three_times_and_gives_up() -> None:
    resolve = Resolve(OURS, HERE, THERE)
    now, sent, step = 0, 0, resolve.begin(0)
    while not step.done:
        sent += len(step.send)
        assert step.deadline is not None
        now = step.deadline
        step = resolve.expire(now)
    assert (sent, now) == (3, 3 * SECOND)


def test_packets_that_are_not_arp_or_about_others_change_nothing() -> None:
    resolve = Resolve(OURS, HERE, THERE)
    deadline = resolve.begin(0).deadline
    for packet in (Ethernet(dst=OURS, src=THEIRS) / b"noise", reply(THIRD, ipv4_bytes("192.0.2.77"))):
        step = hear(resolve, packet, MS)
        assert step == Step(deadline=deadline)


def test_a_scan_asks_for_each_address_and_again_for_the_silent_ones_only() -> None:
    targets = [ipv4_bytes(f"192.0.2.{last}") for last in (2, 3, 4)]
    scan = Scan(OURS, HERE, targets, rate=100, tries=2)
    heard: list[Claim] = []
    step, asked, now = scan.begin(0), list[int](), 0
    while not step.done:
        for packet in step.send:
            asked.append(packet[ARP].target_protocol[-1])
            if asked[-1] == 3 and not heard:
                heard += hear(scan, reply(THEIRS, targets[1]), now).events
        assert step.deadline is not None and step.deadline > now
        now = step.deadline
        step = scan.expire(now)
    assert asked == [2, 3, 4, 2, 4]
    assert [claim.address for claim in heard] == [targets[1]]


def run_probe(seed: int) -> tuple[list[int], int]:
    probe = Probe(OURS, THERE, chance=random.Random(seed))
    step, times, now = probe.begin(0), [], 0
    while not step.done:
        for packet in step.send:
            assert packet[ARP].sender_protocol == bytes(4)
            times.append(now)
        assert step.deadline is not None
        now = step.deadline
        step = probe.expire(now)
    return times, now


def test_a_probe_keeps_the_times_of_rfc_5227() -> None:
    for seed in range(50):
        times, end = run_probe(seed)
        assert len(times) == 3 and 0 <= times[0] <= SECOND
        assert all(SECOND <= later - earlier <= 2 * SECOND for earlier, later in itertools.pairwise(times))
        assert end - times[-1] == 2 * SECOND


def test_a_request_from_the_address_or_anothers_probe_for_it_is_a_conflict() -> None:
    for packet in (reply(THEIRS), reply(THEIRS, operation=1), reply(THEIRS, bytes(4), THERE, operation=1)):
        probe = Probe(OURS, THERE)
        probe.begin(0)
        step = hear(probe, packet, MS)
        assert step.done and step.events[0].mac == THEIRS


def test_our_own_probe_coming_back_is_no_conflict() -> None:
    probe = Probe(OURS, THERE)
    probe.begin(0)
    assert not hear(probe, reply(OURS, bytes(4), THERE, operation=1), MS).events


def test_an_announcement_is_sent_twice_two_seconds_apart_with_both_addresses_ours() -> None:
    announce = Announce(OURS, HERE)
    first = announce.begin(0)
    assert first.send[0][ARP].sender_protocol == first.send[0][ARP].target_protocol == HERE
    assert first.deadline == 2 * SECOND
    second = announce.expire(2 * SECOND)
    assert len(second.send) == 1
    assert announce.expire(second.deadline or 0).done
