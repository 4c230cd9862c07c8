"""What is said of whole TCP connections: from conversations written by hand, and of a real lossy transfer."""

import io
import socket
import struct
import threading

import pytest

from packetlab.analysis.tcp_health import StreamHealth, reports
from packetlab.capture.writer import CaptureWriter
from packetlab.model.errors import NamespaceError, UsageError
from packetlab.model.frame import Frame
from packetlab.net import Network
from tests.analysis.talk import ACK, FIN, RST, SYN, Talk
from tests.conftest import missing

HUNDRED, THOUSAND = bytes(100), bytes(1000)


def of(talk: Talk) -> StreamHealth:
    (one,) = reports(talk.capture()).streams
    return one


def said(talk: Talk) -> dict[str, str]:
    """Name of each statement: its severity."""
    return {one.name: one.severity for one in of(talk).statements}


def test_of_a_sound_connection_nothing_is_said() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    talk.server(16, 1, 101, flags=ACK | FIN)
    talk.client(21, 101, 2, flags=ACK | FIN)
    found = of(talk)
    assert found.statements == [] and found.score == 0
    assert (found.client, found.server) == ("10.0.0.1:40000", "10.0.0.2:80")
    assert (found.handshake, found.duration) == (10_000_000, 21_000_000)


def test_a_syn_answered_with_a_reset_was_refused() -> None:
    talk = Talk()
    syn = talk.client(0, 0, 0, flags=SYN)
    reset = talk.server(1, -5000, 1, flags=RST | ACK, window=0)
    (one,) = of(talk).statements
    assert (one.name, one.severity, one.packets) == ("refused", "error", [syn, reset])
    assert "10.0.0.2:80 refused the connection" in one.text


def test_a_syn_without_answer_is_said_once_the_capture_went_on_for_a_second() -> None:
    talk = Talk()
    talk.client(0, 0, 0, flags=SYN)
    assert said(talk) == {"unanswered": "note"}
    talk.client(1000, 0, 0, flags=SYN)
    assert said(talk) == {"unanswered": "error"}


def test_a_handshake_that_nobody_ends_is_half_open() -> None:
    talk = Talk()
    talk.client(0, 0, 0, flags=SYN)
    talk.server(1, 0, 1, flags=SYN | ACK)
    talk.server(1100, 0, 1, flags=SYN | ACK)
    assert said(talk)["half-open"] == "warning"


def test_a_reset_amid_data_is_an_error_and_one_after_fin_a_note() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    talk.server(16, 1, 101, flags=RST | ACK)
    assert said(talk) == {"reset": "error"}
    talk = Talk().handshake()
    talk.server(11, 1, 1, HUNDRED, flags=ACK | FIN)
    talk.client(16, 1, 102, flags=RST | ACK)
    assert said(talk) == {"reset-after-fin": "note"}


def test_loss_is_told_with_its_share_its_waits_and_its_packets() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    again = talk.client(261, 1, 1, HUNDRED)
    talk.server(266, 1, 101)
    (one,) = of(talk).statements
    assert one.name == "loss" and one.severity == "warning" and one.packets == [again]
    assert "sent 1 segment again (50 % of its 2" in one.text and "250 ms went by waiting for timers" in one.text
    assert "saw the first copies" in one.why
    assert of(talk).sides[0].stalled == 250_000_000


def test_reordering_is_not_called_loss() -> None:
    talk = Talk().handshake()
    talk.client(11, 101, 1, HUNDRED)
    talk.client(12, 1, 1, HUNDRED)
    talk.server(17, 1, 201)
    assert said(talk) == {"reordering": "warning"}


def test_bytes_that_were_acknowledged_but_not_captured_blame_the_capture() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    talk.client(12, 201, 1, HUNDRED)
    talk.server(17, 1, 301)
    assert said(talk) == {"capture-gaps": "note"}


def test_a_closed_window_is_timed_from_its_closing_to_its_opening() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, THOUSAND)
    talk.server(16, 1, 1001, window=0)
    talk.server(516, 1, 1001, window=1000)
    talk.client(517, 1001, 1, HUNDRED)
    assert of(talk).sides[1].closed == 500_000_000
    assert said(talk)["zero-window"] == "warning"


def test_a_window_that_stays_closed_counts_to_the_end() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, THOUSAND)
    talk.server(16, 1, 1001, window=0)
    talk.client(216, 1001, 1, b"x")
    assert of(talk).sides[1].closed == 200_000_000


def transfer(window: int, gap: float, *, trip: float = 10.0, burst: int = 10, rounds: int = 20) -> Talk:
    """The client sends bursts of 1000-byte segments, each acknowledged after `trip`, then waits for `gap` ms."""
    talk = Talk().handshake(trip)
    at, sequence = trip + 1, 1
    for _ in range(rounds):
        for number in range(burst):
            talk.client(at + number * 0.01, sequence, 1, THOUSAND)
            sequence += 1000
        talk.server(at + trip, 1, sequence, window=window)
        at += trip + 0.1 + gap
    return talk


def test_a_sender_that_fills_the_window_is_limited_by_it() -> None:
    found = of(transfer(10_000, 0))
    assert found.limited_by == "receiver window"
    text = next(one for one in found.statements if one.name == "limited-by-window")
    assert "One window of 10 kB per round trip of 10 ms is at most 8 Mbit/s." in text.why


def test_a_sender_that_waits_for_its_program_is_limited_by_it() -> None:
    assert of(transfer(60_000, 100)).limited_by == "application"


def test_a_sender_with_room_and_data_is_limited_by_the_network() -> None:
    assert of(transfer(60_000, 0)).limited_by == "network"


def test_of_a_short_connection_nobody_is_said_to_limit_it() -> None:
    assert of(transfer(60_000, 100, rounds=1, burst=5)).limited_by is None


def test_segments_larger_than_the_receiver_takes_were_never_on_the_wire() -> None:
    talk = Talk().handshake(mss=1460)
    talk.client(11, 1, 1, bytes(2920))
    assert said(talk) == {"offload": "note"}


def test_a_small_mss_speaks_of_a_tunnel() -> None:
    (one, other) = of(Talk().handshake(mss=1360)).statements
    assert one.name == other.name == "mss-clamped" and "100 bytes are kept" in one.why


def test_missing_options_are_said_where_they_cost() -> None:
    talk = transfer(60_000, 0, trip=50)
    assert "no-window-scale" not in said(talk)
    plain = Talk().handshake(50, scale=None, sack=False)
    plain.frames += talk.frames[3:]
    found = said(plain)
    assert found["no-window-scale"] == "warning" and "no-sack" not in found  # nothing was lost


def test_a_capture_without_handshake_says_what_cannot_be_known() -> None:
    talk = Talk()
    talk.client(0, 1, 1, HUNDRED)
    talk.server(1, 1, 101)
    assert said(talk) == {"no-handshake": "note"}


def test_held_back_acknowledgements_are_told_from_a_long_path() -> None:
    talk = Talk().handshake(1)
    at, sequence = 2.0, 1
    for number in range(8):
        talk.client(at, sequence, 1, HUNDRED)
        talk.server(at + (40 if number % 2 else 1), 1, sequence + 100)
        at, sequence = at + 41, sequence + 100
    assert said(talk) == {"delayed-acks": "note"}


def test_the_worst_connection_comes_first_and_one_can_be_asked_for() -> None:
    talk = Talk().handshake()
    talk.client(11, 1, 1, HUNDRED)
    talk.client(9000, 777, 0, flags=SYN)
    talk.server(9001, -5000, 778, flags=RST | ACK, window=0)
    report = reports(talk.capture())
    assert [one.stream for one in report.streams] == [1, 0] and report.count == 2
    assert [one.stream for one in reports(talk.capture(), stream=0).streams] == [0]
    with pytest.raises(UsageError, match="no TCP connection 2"):
        reports(talk.capture(), stream=2)


def test_a_capture_without_tcp_has_no_reports() -> None:
    out = io.BytesIO()
    writer = CaptureWriter(out)
    writer.write(Frame(bytes(60), 0, 60, 1))
    writer.flush()
    report = reports(io.BytesIO(out.getvalue()))
    assert report.streams == [] and report.count == 0


def recorded(options: str, size: int) -> list[Frame]:
    """What passed the sender's end of a wire while a real TCP sent `size` bytes over it."""
    try:
        net = Network.from_spec(
            f"hosts: {{a: 10.0.0.1/24, b: 10.0.0.2/24}}\nlinks:\n  - a -- b: {{{options}}}\n"
        ).start()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")
    frames: list[Frame] = []
    with net:
        sniffer = net.wire("a", "b").socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sniffer.bind(("near", 0x0003))
        sniffer.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS: when it passed, not when this thread was let
        sniffer.settimeout(0.6)

        def listen() -> None:
            try:
                while True:
                    data, messages, _, _ = sniffer.recvmsg(70_000, 100)
                    whole, part = struct.unpack("@qq", messages[0][2][:16])
                    frames.append(Frame(data, whole * 10**9 + part, len(data), 1))
            except TimeoutError:
                pass

        with sniffer, net["b"].socket() as listener, net["a"].socket() as client:
            listener.bind(("", 80))
            listener.listen()
            listening = threading.Thread(target=listen)
            listening.start()
            client.connect(("10.0.0.2", 80))
            accepted = listener.accept()[0]
            with accepted:
                accepted.settimeout(5)
                client.sendall(bytes(size))
                received = 0
                while received < size:
                    received += len(accepted.recv(65536))
            client.close()
            listening.join()
    return frames


def test_a_real_transfer_that_lost_two_segments_says_so_with_the_packets() -> None:
    frames = recorded("drop: [3, 9], match: tcp-data, toward: b, delay: 3ms", 1448 * 60)
    out = io.BytesIO()
    writer = CaptureWriter(out)
    writer.write_all(frames)
    writer.flush()
    (one,) = reports(io.BytesIO(out.getvalue())).streams
    loss = next(said for said in one.statements if said.name == "loss")
    assert one.client.startswith("10.0.0.1:") and loss.text.startswith(one.client)
    assert 2 <= one.sides[0]["again"] <= 6 and one.sides[1]["again"] == 0
    assert one.handshake is not None and one.handshake >= 3_000_000
    assert "saw the first copies" in loss.why
    assert set(loss.packets) <= set(range(1, len(frames) + 1)) and len(loss.packets) == one.sides[0]["again"]
