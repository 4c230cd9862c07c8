"""What checks are told of TCP connections: by frames made by hand, so that every sequence of events can be had."""

import pytest

import packetlab.protocols  # noqa: F401
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.lab.connections import Connection, connections, payload
from packetlab.lab.evidence import Evidence
from packetlab.lab.values import Values
from packetlab.lab.verdict import Seen
from packetlab.link.ethernet import Ethernet
from packetlab.model.frame import Frame
from packetlab.transport.tcp import SACK, TCP, SACKBlock

SYN, ACK, RST, FIN = TCP.SYN, TCP.ACK, TCP.RST, TCP.FIN
SIZE = 100
"""Bytes in a segment."""


class Talk:
    """Frames between a client and a server, one each millisecond."""

    def __init__(self, *, first: int = 1000, port: int = 4000, family: int = 4) -> None:
        self.frames: list[Seen] = []
        self.first, self.port, self.family = first, port, family

    def frame(self, ours: bool, flags: int, sequence: int, acknowledgment: int = 0, data: bytes = b"",
              blocks: tuple[tuple[int, int], ...] = ()) -> Seen:  # fmt: skip
        near, far = ("10.0.0.1", "10.0.0.2") if self.family == 4 else ("fd00::1", "fd00::2")
        src, dst = (near, far) if ours else (far, near)
        ports = (self.port, 80) if ours else (80, self.port)
        options = tuple(SACK(blocks=(SACKBlock(left=left, right=right),)) for left, right in blocks)
        ip = IPv4(src=src, dst=dst) if self.family == 4 else IPv6(src=src, dst=dst)
        packet = Ethernet(dst=b"\2" * 6, src=b"\2" * 6) / ip / TCP(
            src_port=ports[0], dst_port=ports[1], sequence=sequence % 2**32, acknowledgment=acknowledgment % 2**32,
            flags=flags, options=options,
        )  # fmt: skip
        whole = (packet / data if data else packet).encapsulate().ljust(60, b"\0")
        number = len(self.frames) + 1
        self.frames.append(Seen(Frame(whole, number * 1_000_000, len(whole), interface="c eth0", number=number), "c"))
        return self.frames[-1]

    def opened(self) -> "Talk":
        self.frame(True, SYN, self.first)
        self.frame(False, SYN | ACK, 5000, self.first + 1)
        self.frame(True, ACK, self.first + 1, 5001)
        return self

    def send(self, *numbers: int) -> None:
        """The client's segments of those numbers, from 0."""
        for number in numbers:
            self.frame(True, ACK, self.first + 1 + number * SIZE, 5001, bytes([65 + number % 26]) * SIZE)

    def acknowledge(self, *numbers: int, got: int = 0) -> None:
        """The server has all segments before those numbers; and a later one, by SACK, where `got` says."""
        for number in numbers:
            start = self.first + 1 + got * SIZE
            self.frame(False, ACK, 5001, self.first + 1 + number * SIZE, blocks=((start, start + SIZE),) if got else ())

    def found(self) -> list[Connection]:
        return connections(self.frames, self.frames)

    def one(self) -> Connection:
        (only,) = self.found()
        return only


@pytest.mark.parametrize("family", [4, 6])
def test_a_connection_knows_its_ends_what_was_said_and_its_round_trip(family: int) -> None:
    talk = Talk(family=family).opened()
    talk.frame(True, ACK, 1001, 5001, b"GET / HTTP/1.0\r\n\r\n")
    talk.frame(False, ACK, 5001, 1019, b"HTTP/1.0 404 Not Found\r\n\r\n")
    talk.frame(False, ACK | FIN, 5027, 1019)
    one = talk.one()
    assert (one.client, one.server) == (("10.0.0.1", "10.0.0.2") if family == 4 else ("fd00::1", "fd00::2"))
    assert (one.client_port, one.server_port, one.round_trip) == (4000, 80, 1_000_000)
    assert one.asked == b"GET / HTTP/1.0\r\n\r\n" and one.answered == b"HTTP/1.0 404 Not Found\r\n\r\n"
    assert one.status == 404 and one.accepted is talk.frames[1] and one.reset is one.refused is None
    assert one.hello is talk.frames[0] and one.frames == talk.frames


def test_padding_of_short_frames_is_no_data() -> None:
    talk = Talk().opened()
    assert len(talk.frames[2].data) == 60 and payload(talk.frames[2]) == b""
    assert talk.one().asked == b"" and talk.one().there.segments == []


def test_a_refused_connection_is_told_from_one_that_is_cut_off_later_and_from_silence() -> None:
    refused, cut, silent = Talk(), Talk().opened(), Talk()
    refused.frame(True, SYN, 1000)
    refused.frame(False, RST | ACK, 0, 1001)
    cut.frame(False, RST, 5001)
    silent.frame(True, SYN, 1000)
    silent.frame(True, SYN, 1000)
    assert refused.one().refused is refused.one().reset is refused.frames[1]
    assert cut.one().refused is None and cut.one().reset is cut.frames[3]
    assert silent.one().refused is silent.one().accepted is None and silent.one().round_trip == 0
    assert [one.status for one in (refused.one(), cut.one(), silent.one())] == [0, 0, 0]


def test_the_same_ports_again_are_another_connection_and_a_syn_that_is_sent_again_is_none() -> None:
    talk = Talk()
    talk.frame(True, SYN, 1000)
    talk.opened()
    talk.send(0)
    talk.first = 90_000
    talk.opened()
    talk.send(1, 2)
    first, second = talk.found()
    assert (first.asked, second.asked) == (b"A" * SIZE, b"")  # the second lacks its segment 0
    assert first.hello is talk.frames[0] and second.hello.number == 6
    assert len(first.frames) + len(second.frames) == len(talk.frames)


def test_bytes_that_came_twice_or_in_another_order_are_said_once_and_a_gap_ends_what_is_known() -> None:
    talk = Talk(first=2**32 - 150).opened()  # the numbers wrap within the second segment
    talk.send(0, 2, 1, 0)
    assert talk.one().asked == b"A" * SIZE + b"B" * SIZE + b"C" * SIZE
    talk.send(4)
    assert talk.one().asked == b"A" * SIZE + b"B" * SIZE + b"C" * SIZE


def test_a_round_trip_ends_when_something_of_it_is_acknowledged_whatever_the_clock_says() -> None:
    talk = Talk(first=2**32 - 150).opened()
    talk.send(*range(10))
    for number in range(10):  # slow start, and an acknowledgment for each segment
        talk.acknowledge(number + 1)
        talk.send(10 + 2 * number, 11 + 2 * number)
    talk.acknowledge(30)  # one for all
    talk.send(*range(30, 70))
    assert [len(each) for each in talk.one().there.rounds()] == [10, 20, 40]


def test_what_is_in_flight_has_been_sent_and_not_acknowledged() -> None:
    talk = Talk().opened()
    talk.send(0, 1, 2)
    talk.acknowledge(2)
    talk.send(3)
    way = talk.one().there
    assert [way.in_flight(seen) // SIZE for seen in talk.frames] == [0, 0, 0, 1, 2, 3, 1, 2]


def test_what_is_sent_again_has_its_duplicates_and_nothing_else_counts_as_one() -> None:
    talk = Talk().opened()
    talk.send(*range(8))
    talk.acknowledge(2)
    talk.acknowledge(3)  # asks for segment 3 for the first time
    talk.acknowledge(3, 3, 3)
    talk.send(3)
    talk.acknowledge(8)
    (repeat,) = talk.one().there.repeats()
    assert (repeat.first.start, repeat.again.start) == (300, 300)
    assert [seen.number for seen in repeat.duplicates] == [14, 15, 16]
    assert repeat.waited == (17 - 7) * 1_000_000
    assert [len(each) for each in talk.one().there.rounds()] == [8], "what is sent again is nothing new"


def test_an_acknowledgment_with_a_sack_block_asks_again_also_where_its_number_is_new() -> None:
    talk = Talk().opened()
    talk.send(*range(5))
    talk.acknowledge(1, got=2)  # a delayed acknowledgment of segment 0 and the first sign of a loss, in one
    talk.acknowledge(1, got=3)
    talk.acknowledge(1, got=4)
    talk.send(1)
    (repeat,) = talk.one().there.repeats()
    assert len(repeat.duplicates) == 3


def test_the_first_segment_lost_has_duplicates_of_the_handshakes_acknowledgment() -> None:
    talk = Talk().opened()
    talk.send(0, 1, 2, 3)
    talk.acknowledge(0, 0, 0)
    talk.send(0)
    (repeat,) = talk.one().there.repeats()
    assert len(repeat.duplicates) == 3


def test_a_connection_whose_syn_was_not_seen_is_none_and_one_without_syn_ack_heard_nothing() -> None:
    talk = Talk()
    talk.send(0)
    assert talk.found() == []
    talk = Talk()
    talk.frame(True, SYN, 1000)
    talk.frame(False, ACK, 5001, 1001, b"lost its SYN-ACK")
    assert talk.one().answered == b"" and talk.one().back.rounds() == [] and talk.one().back.repeats() == []


def test_evidence_gives_the_connections_of_a_place_by_a_filter_for_their_syn() -> None:
    one, other = Talk().opened(), Talk(port=5000)
    other.frames = one.frames
    other.opened()
    one.send(0)
    evidence = Evidence(one.frames, Values(1), places=["c eth0"])
    for seen in evidence.frames:
        seen.place = "c eth0"
    view = evidence.at("c")
    assert [found.client_port for found in view.connections()] == [4000, 5000]
    assert [found.client_port for found in view.connections("tcp.srcport == 5000")] == [5000]
    assert view.connections("tcp.srcport == 4000")[0].asked == b"A" * SIZE, "its other frames need not fit"
    assert view.connections(after=one.frames[2])[0].client_port == 5000
    assert evidence.statements == []
