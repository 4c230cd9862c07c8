"""What is found of single TCP segments: each kind, from conversations written by hand."""

import subprocess
from pathlib import Path

import pytest

from packetlab.analysis.filter import parse
from packetlab.analysis.tcp_health import Kind, PacketHealth, health
from packetlab.analysis.tcp_health.kinds import MEANINGS, names
from packetlab.analysis.tcp_health.state import MOST_UNACKED, Unacked
from packetlab.transport.tcp import SACK, SACKBlock
from tests.analysis.talk import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Talk

HUNDRED = bytes(100)


def judged(talk: Talk) -> PacketHealth:
    (found,) = list(health(talk.capture()))
    return found


def kinds(talk: Talk) -> dict[int, list[str]]:
    """Packet number: names of what was found."""
    found = judged(talk)
    both = zip(found.number.tolist(), found.kinds.tolist(), strict=True)
    return {number: names(kind) for number, kind in both if kind}


def test_of_a_sound_conversation_nothing_is_found() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    talk.server(16, 1, 101, HUNDRED)
    talk.client(21, 101, 101, flags=ACK | FIN)
    talk.server(26, 101, 102, flags=ACK | FIN)
    talk.client(31, 102, 102)
    assert kinds(talk) == {}


def test_bytes_sent_again_late_are_a_retransmission_with_its_wait() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    again = talk.client(250, 1, 1, HUNDRED)
    assert kinds(talk) == {again: ["retransmission"]}
    assert judged(talk).waited.tolist() == [-1, -1, -1, -1, 239_000_000]


def test_two_duplicate_acknowledgements_make_it_a_fast_retransmission() -> None:
    talk = Talk().handshake()
    for number in range(4):
        talk.client(11 + number, 1 + 100 * number, 1, HUNDRED)
    asked = talk.server(16, 1, 101)
    first, second = talk.server(17, 1, 101), talk.server(18, 1, 101)
    again = talk.client(30, 101, 1, HUNDRED)
    assert kinds(talk) == {
        first: ["duplicate_ack"], second: ["duplicate_ack"], again: ["retransmission", "fast_retransmission"],
    }  # fmt: skip
    found = judged(talk)
    assert found.duplicate.tolist()[-3:] == [1, 2, 0] and found.duplicate_of.tolist()[-3:] == [asked, asked, 0]


def test_what_was_acknowledged_already_is_sent_again_needlessly() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    talk.server(16, 1, 101)
    again = talk.client(250, 1, 1, HUNDRED)
    assert kinds(talk) == {again: ["retransmission", "spurious_retransmission"]}


def test_a_gap_filled_within_a_round_trip_is_reordering() -> None:
    talk = Talk().handshake()
    ahead = talk.client(11, 101, 1, HUNDRED)
    behind = talk.client(12, 1, 1, HUNDRED)
    assert kinds(talk) == {ahead: ["lost_segment"], behind: ["out_of_order"]}


def test_bytes_seen_before_are_said_to_be_repeated_where_wireshark_says_out_of_order() -> None:
    talk = Talk().handshake()
    for number in range(3):
        talk.client(11, 1 + 100 * number, 1, HUNDRED)
    again = talk.client(15, 101, 1, HUNDRED)
    assert kinds(talk) == {again: ["out_of_order", "repeated"]}


def test_a_gap_filled_after_a_round_trip_is_a_retransmission() -> None:
    talk = Talk().handshake()
    ahead = talk.client(11, 101, 1, HUNDRED)
    behind = talk.client(22, 1, 1, HUNDRED)
    assert kinds(talk) == {ahead: ["lost_segment"], behind: ["retransmission"]}


def test_a_syn_sent_again_is_a_retransmission() -> None:
    talk = Talk()
    talk.client(0, 0, 0, flags=SYN)
    again = talk.client(1000, 0, 0, flags=SYN)
    assert kinds(talk) == {again: ["retransmission"]}


def test_bytes_acknowledged_but_never_seen_are_said_once() -> None:
    talk = Talk().handshake()
    beyond = talk.server(16, 1, 101)
    talk.server(17, 1, 201)
    assert kinds(talk) == {beyond: ["ack_lost_segment"]}


def test_windows_are_followed_from_full_over_zero_and_probes_to_an_update() -> None:
    talk = Talk().handshake()
    full = talk.client(11, 1, 1, bytes(1000))
    zero = talk.server(16, 1, 1001, window=0)
    probe = talk.client(300, 1001, 1, b"x")
    closed = talk.server(305, 1, 1001, window=0)
    update = talk.server(400, 1, 1001, window=500)
    talk.client(401, 1001, 1, HUNDRED)
    assert kinds(talk) == {
        full: ["window_full"], zero: ["zero_window"], probe: ["zero_window_probe"],
        closed: ["zero_window", "zero_window_probe_ack"], update: ["window_update"],
    }  # fmt: skip


def test_a_scaled_window_is_full_at_its_scaled_end() -> None:
    talk = Talk().handshake(scale=3)
    talk.server(15, 1, 1, window=100)
    not_full = talk.client(16, 1, 1, HUNDRED)
    full = talk.client(17, 101, 1, bytes(700))
    found = kinds(talk)
    assert not_full not in found and found[full] == ["window_full"]
    assert judged(talk).offered.tolist()[-2:] == [800, 800]


def test_without_the_handshake_no_window_is_called_full() -> None:
    talk = Talk()
    talk.client(0, 1, 1)
    talk.server(1, 1, 1)
    talk.client(2, 1, 1, bytes(1000))
    assert kinds(talk) == {}


def test_a_keep_alive_is_an_old_byte_and_its_answer_repeats_the_acknowledgement() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    talk.server(16, 1, 101)
    alive = talk.client(60_000, 100, 1, b"")
    answer = talk.server(60_005, 1, 101)
    assert kinds(talk) == {alive: ["keep_alive"], answer: ["keep_alive_ack"]}


def test_ports_used_again_are_marked_at_the_new_syn() -> None:
    talk = Talk().handshake()
    again = talk.client(9000, 777, 0, flags=SYN)
    assert kinds(talk) == {again: ["reused_ports"]}


def test_round_trips_name_the_packet_that_was_acknowledged() -> None:
    talk = Talk().handshake()
    sent = talk.client(11, 1, 1, HUNDRED)
    talk.server(18.5, 1, 101)
    found = judged(talk)
    assert found.acknowledges.tolist() == [0, 1, 2, 0, sent]
    assert found.handshake.tolist() == [0, 0, 10_000_000, 10_000_000, 10_000_000]
    assert found.round_trip.tolist() == [-1, 5_000_000, 5_000_000, -1, 7_500_000]


def test_bytes_in_flight_grow_with_what_is_sent_and_shrink_with_what_is_acknowledged_or_sacked() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    talk.client(12, 101, 1, HUNDRED, flags=ACK | PSH)
    talk.server(16, 1, 101)
    talk.client(17, 201, 1, HUNDRED)
    talk.server(18, 1, 101, options=(SACK(blocks=(SACKBlock(left=101, right=201),)),))
    talk.client(19, 301, 1, HUNDRED)
    found = judged(talk)
    assert found.in_flight.tolist() == [-1, -1, -1, 100, 200, -1, 200, -1, 200]
    assert found.pushed.tolist() == [-1, -1, -1, 100, 200, -1, 100, -1, 200]


def test_time_without_anything_in_flight_is_idle_time() -> None:
    talk = Talk().handshake()
    talk.client(511, 1, 1, HUNDRED)
    talk.server(516, 1, 101)
    assert judged(talk).idle.tolist() == [0, 0, 0, 501_000_000, 0]


def test_a_filter_leaves_out_findings_but_not_what_they_rest_on() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    again = talk.client(250, 1, 1, HUNDRED)
    (found,) = list(health(talk.capture(), parse(f"frame.number == {again}")))
    assert found.kinds.tolist() == [int(Kind.RETRANSMISSION)]


def test_a_reset_without_a_sequence_number_leaves_no_gap() -> None:
    talk = Talk()
    talk.client(0, 0, 0, flags=SYN)
    talk.say(SERVER, 1, RST | ACK, -5000, 1, b"", 0)
    talk.server(5, 0, 1, flags=SYN | ACK)
    assert "lost_segment" not in kinds(talk).get(3, [])


def test_unacknowledged_segments_out_of_order_are_forgotten_when_acknowledged() -> None:
    unacked = Unacked()
    for begin in (300, 100, 200, 100):
        unacked.add(begin, begin + 100, begin, 0)
    assert (unacked.lowest, unacked.highest) == (100, 400)
    assert unacked.acknowledge(250) is None and unacked.lowest == 250
    answered = unacked.acknowledge(300)
    assert answered is not None and answered[2] == 200
    assert [segment[0] for segment in unacked.segments] == [300] and unacked.ordered


def test_segments_that_nobody_acknowledges_are_kept_within_a_bound() -> None:
    talk = Talk().handshake()
    for number in range(MOST_UNACKED + 50):
        talk.say(CLIENT, 11 + number / 100, ACK, 1 + number, 1, b"x", 1000)
    from packetlab.analysis.tcp_health import Analyser
    from packetlab.capture.index import chunks

    analyser = Analyser()
    with chunks(talk.capture()) as index:
        for chunk in index:
            analyser.read(analyser.reader.read(chunk))
    assert len(analyser.conversations[0].senders[0].unacked.segments) <= MOST_UNACKED


def test_every_kind_has_a_name_and_a_meaning() -> None:
    assert set(MEANINGS) == set(Kind) and len({meaning.name for meaning in MEANINGS.values()}) == len(Kind)


@pytest.mark.needs("tshark")
def test_tshark_says_the_same_of_the_lossiest_captures(corpora: Path) -> None:
    from tests.oracle.tcp_analysis import verdict

    paths = [path for path in (corpora / "andrewf+pcap2har/tests/out-of-order.pcap",) if path.is_file()]
    for row in verdict(paths=paths):
        assert row.compared and row.unexplained == 0, (row, subprocess.list2cmdline(map(str, paths)))
