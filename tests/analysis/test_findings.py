"""Findings: each capture of our own shows what it was recorded for, sound traffic shows nothing, and all is bounded."""

import base64
from pathlib import Path

import numpy as np
import pytest

from packetlab.analysis.filter import parse
from packetlab.analysis.findings import Finding, findings
from packetlab.analysis.findings.checksums import Words, folded
from packetlab.analysis.findings.finding import MOST_NUMBERS, MOST_OF_A_KIND, Kind, Notebook
from packetlab.application.dhcp import DHCP, DHCPMessageType, DHCPOption, EndOfDHCPOptions, ServerIdentifier
from packetlab.application.dns import DNS, query
from packetlab.internet.icmp import DestinationUnreachable
from packetlab.internet.icmpv6 import NeighbourAdvertisement, NeighbourSolicitation
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet
from packetlab.model.checksum import ones_complement_sum
from packetlab.model.packet import Packet
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP
from tests.analysis.made import FIRST, SECOND, A, B, capture

CAPTURES = Path(__file__).parent.parent.parent / "captures"


def kinds(found: list[Finding]) -> list[str]:
    return [one.kind for one in found]


def ip(src: str = A, dst: str = B, **fields: int) -> Packet:
    return Ethernet(src=FIRST, dst=SECOND) / IPv4(src=src, dst=dst, **fields)


def tcp(flags: int, src: str = A, dst: str = B, port: int = 1000, to: int = 80, **fields: int) -> Packet:
    return ip(src, dst) / TCP(src_port=port, dst_port=to, flags=flags, **fields)


EXPECTED = {
    "arp": ["arp-unanswered"], "ndp": ["ndp-unanswered"], "vlan": [],
    "duplicate_address": ["duplicate-address", "icmp-port-unreachable"], "ping": [], "ping6": [], "fragments": [],
    "traceroute": ["traceroute"], "path_mtu": ["retransmissions", "mtu-exceeded"],
    "routing_loop": ["routing-loop", "ttl-exceeded"], "nat": ["connection-refused"], "handshake": [],
    "refused": ["connection-refused", "icmp-port-unreachable"], "reset": ["connection-reset"],
    "lost_syn": ["syn-repeated"], "retransmission": ["retransmissions-few"],
    "fast_retransmit": ["retransmissions-few"], "zero_window": ["zero-window"], "port_scan": ["port-scan"],
    "dns": ["dns-no-such-name"], "http": [], "tls12": [], "tls13": [],
    "tls_expired": ["tls-certificate-time", "tls-alert"],
    "credentials": ["clear-text-password"],
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcapng")), ids=lambda path: path.stem)
def test_each_sample_capture_shows_what_it_was_recorded_for(path: Path) -> None:
    if path.stem.startswith("damaged"):
        assert kinds(findings(path)) == ["capture-damaged"]
        return
    found = kinds(findings(path))
    wanted = EXPECTED[path.stem]
    # A probe of the closed window may count as data sent again: that depends on the kernel's timers.
    assert list(dict.fromkeys(one for one in found if one != "retransmissions-few" or one in wanted)) == wanted


def test_every_kind_is_explained_and_its_filter_is_understood() -> None:
    import importlib
    import pkgutil

    import packetlab.analysis.findings as package

    modules = [
        importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)
    ]
    every = {one.name: one for module in modules for one in vars(module).values() if isinstance(one, Kind)}
    assert len(every) > 50
    for one in every.values():
        assert one.title and one.explanation.endswith((".", ")")) and one.advice and len(one.filter) < 66
        if one.filter:
            parse(one.filter)


def test_packet_numbers_are_those_of_the_note() -> None:
    (found,) = findings(CAPTURES / "arp.pcapng")
    assert found.packets == [5, 6, 7] and found.count == 3 and found.severity == "warning"
    assert found.about == "10.0.0.1 asks for 10.0.0.9" and found.explanation and found.next


def test_the_password_is_never_shown() -> None:
    found = findings(CAPTURES / "credentials.pcapng")
    assert len(found) == 6 and all("alice" in one.detail for one in found)
    hidden = ("opensesame", base64.b64encode(b"alice:opensesame").decode())
    assert not any(secret in str(one.as_dict()) for one in found for secret in hidden)


def test_a_filter_leaves_packets_out() -> None:
    assert findings(CAPTURES / "credentials.pcapng", parse("tcp.port == 21"))[0].about.startswith("FTP")
    assert len(findings(CAPTURES / "credentials.pcapng", parse("tcp.port == 21"))) == 1


@pytest.mark.parametrize("version", [4, 6])
def test_a_wrong_checksum_is_found_and_one_left_to_the_card_is_not_an_error(version: int) -> None:
    around = ip() if version == 4 else Ethernet(src=FIRST, dst=SECOND) / IPv6(src="fd00::1", dst="fd00::2")
    good = around / UDP(src_port=1000, dst_port=2000) / b"hello"
    data = good.encapsulate()
    at = len(data) - 5 - 2
    wrong = data[:-1] + b"x"
    # What Linux leaves for the card: the sum of the pseudo-header.
    ends = data[26:34] if version == 4 else data[22:54]
    left = ones_complement_sum(ends + (17).to_bytes(2, "big") + (13).to_bytes(2, "big")).to_bytes(2, "big")
    found = findings(capture(data, wrong, data[:at] + left + data[at + 2 :]))
    assert [(one.kind, one.packets) for one in found] == [("checksum-wrong", [2]), ("checksum-offload", [3])]


def test_sums_between_any_two_places_are_those_of_rfc_1071() -> None:
    random = np.random.default_rng(3)
    data = random.integers(0, 256, 1001, np.uint8)
    begin = np.sort(random.integers(0, 900, 60))
    end = np.minimum(begin + random.integers(0, 101, 60), 1001)
    end[-1] = 1001
    sums = folded(Words(data).sums(begin, end)).tolist()
    for first, last, found in zip(begin.tolist(), end.tolist(), sums, strict=True):
        expected = ones_complement_sum(data[first:last].tobytes())
        assert int(found).to_bytes(2, "little") == expected.to_bytes(2, "big") or {found, expected} == {0, 0xFFFF}


def test_a_cut_packet_is_not_called_wrong() -> None:
    data = (ip() / UDP(src_port=1000, dst_port=2000) / bytes(100)).encapsulate()
    assert kinds(findings(capture((data[:60], len(data))))) == ["capture-cut"]


def test_a_dns_question_without_answer_and_a_slow_one() -> None:
    asked = query("www.lab.test", "A", identifier=7, edns=False)
    answer = DNS(identifier=7, response=1, questions=asked.questions)
    question = ip() / UDP(src_port=1000, dst_port=53) / asked
    reply = ip(B, A) / UDP(src_port=53, dst_port=1000) / answer
    assert [(one.kind, one.packets) for one in findings(capture(question, question))] == [("dns-unanswered", [1])]
    (slow,) = findings(capture(question, reply, seconds=2))
    assert slow.kind == "dns-slow" and slow.about == "www.lab.test from 10.0.0.2" and slow.detail == "2.0 s"


def test_a_server_failure_is_named() -> None:
    asked = query("www.lab.test", "A", identifier=7, edns=False)
    answer = DNS(identifier=7, response=1, response_code=2, questions=asked.questions)
    (found,) = findings(capture(ip(B, A) / UDP(src_port=53, dst_port=1000) / answer))
    assert found.kind == "dns-failure" and "could not find out" in found.detail


def test_a_syn_flood_is_one_finding_and_finished_handshakes_are_none() -> None:
    many = [tcp(TCP.SYN, f"10.1.{number >> 8}.{number & 255}") for number in range(300)]
    answers = [tcp(TCP.SYN | TCP.ACK, B, f"10.1.{number >> 8}.{number & 255}", 80, 1000) for number in range(300)]
    (found,) = findings(capture(*many, *answers))
    assert found.kind == "syn-flood" and found.about == "10.0.0.2:80" and found.count == 300
    assert len(found.packets) == MOST_NUMBERS
    done = [tcp(TCP.ACK, f"10.1.{number >> 8}.{number & 255}") for number in range(300)]
    assert findings(capture(*many, *answers, *done)) == []


def test_many_hosts_tried_on_one_port_are_a_scan() -> None:
    found = findings(capture(*(tcp(TCP.SYN, A, f"10.0.1.{number}") for number in range(1, 40))))
    assert kinds(found) == ["host-scan"] and found[0].about == "10.0.0.1 tries port 80"


def test_a_syn_that_was_overtaken_by_its_answer_is_answered() -> None:
    assert findings(capture(tcp(TCP.SYN | TCP.ACK, B, A, 80, 1000), tcp(TCP.SYN), tcp(TCP.ACK))) == []


def test_data_sent_again_are_counted_across_a_wrap_and_copies_of_packets_are_not() -> None:
    begin = (1 << 32) - 150
    parts = [ip(identification=number + 1) / TCP(src_port=1, dst_port=2, flags=TCP.ACK, acknowledgment=1,
             sequence=(begin + 100 * part) % (1 << 32)) / bytes(100)
             for number, part in enumerate((0, 1, 2, 1, 3))]  # fmt: skip
    (found,) = findings(capture(*parts))
    assert (found.kind, found.packets, found.detail) == ("retransmissions-few", [4], "1 of 5 segments (20.0%)")
    (found,) = findings(capture(*parts[:3], parts[1]))
    assert (found.kind, found.packets) == ("recorded-twice", [4])


def test_two_answers_with_different_cards_are_a_duplicate_and_an_old_one_is_a_move() -> None:
    def says(mac: str) -> Packet:
        return Ethernet(src=mac, dst=FIRST) / ARP(
            operation=2, sender_hardware=mac, sender_protocol=B, target_hardware=FIRST, target_protocol=A
        )

    assert kinds(findings(capture(says(SECOND), says("02:00:00:00:00:03")))) == ["duplicate-address"]
    assert kinds(findings(capture(says(SECOND), says("02:00:00:00:00:03"), seconds=60))) == ["address-moved"]


def test_an_ipv6_address_that_is_taken_is_found_and_a_greeting_of_its_owner_is_not() -> None:
    probe = Ethernet(src=FIRST, dst="33:33:ff:00:00:09") / IPv6(src="::", dst="ff02::1:ff00:9")
    asks = probe / NeighbourSolicitation(target="fd00::9")
    for card, expected in ((SECOND, ["ipv6-address-taken"]), (FIRST, [])):
        around = Ethernet(src=card, dst="33:33:00:00:00:01") / IPv6(src="fd00::9", dst="ff02::1", hop_limit=255)
        assert kinds(findings(capture(asks, around / NeighbourAdvertisement(target="fd00::9")))) == expected


def test_a_storm_of_broadcasts_is_found() -> None:
    one = (Ethernet(src=FIRST, dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / bytes(50)).encapsulate()
    assert kinds(findings(capture(*[one] * 1500, seconds=0.0001))) == ["broadcast-storm"]
    assert findings(capture(*[one] * 1500, seconds=0.01)) == []


def test_a_sender_that_ignores_the_path_mtu_is_a_black_hole() -> None:
    quoted = (ip() / UDP(src_port=1, dst_port=2) / bytes(20)).encapsulate()[14:]
    too_big = ip("10.0.0.254", A) / DestinationUnreachable(code=4, next_hop_mtu=1300) / quoted
    assert kinds(findings(capture(*[too_big] * 4, seconds=1.5))) == ["mtu-black-hole", "mtu-exceeded"]


def test_fragments_that_overlap_or_never_end_are_found() -> None:
    def part(offset: int, size: int, more: int) -> Packet:
        return ip(identification=9, fragment_offset=offset // 8, more_fragments=more, protocol=17) / bytes(size)

    assert [(one.kind, one.detail) for one in findings(capture(part(0, 64, 1)))] == [
        ("fragments-incomplete", "the last is missing")
    ]
    assert kinds(findings(capture(part(0, 64, 1), part(56, 64, 0)))) == ["fragments-overlap"]
    assert findings(capture(part(64, 64, 0), part(0, 64, 1))) == []


def test_dhcp_without_server_with_two_and_with_a_refusal() -> None:
    def message(kind: int, server: str = "") -> Packet:
        options: tuple[DHCPOption, ...] = (DHCPMessageType(message=kind),)
        options += (ServerIdentifier(address=server),) if server else ()
        ports = {"src_port": 67, "dst_port": 68} if server else {"src_port": 68, "dst_port": 67}
        made = DHCP(
            operation=2 if server else 1, transaction=5, client_mac=FIRST, options=(*options, EndOfDHCPOptions())
        )
        return ip(server or "0.0.0.0", "255.255.255.255") / UDP(**ports) / made

    assert kinds(findings(capture(message(1), message(1)))) == ["dhcp-unanswered"]
    assert findings(capture(message(1), message(2, B))) == []
    assert kinds(findings(capture(message(1), message(2, B), message(2, "10.0.0.3")))) == ["dhcp-two-servers"]
    assert kinds(findings(capture(message(3), message(6, B)))) == ["dhcp-refused"]


def test_the_notebook_is_bounded() -> None:
    kind, notes = Kind("k", "note", "link", "t", "e", "a"), Notebook()
    for number in range(10 * MOST_OF_A_KIND):
        notes.add(kind, f"host {number}", number)
    found = list(notes.ranked())
    assert len(found) == MOST_OF_A_KIND + 1 and sum(one.count for one in found) == 10 * MOST_OF_A_KIND
    assert max(len(one.packets) for one in found) == MOST_NUMBERS and found[-1].about == "others"
