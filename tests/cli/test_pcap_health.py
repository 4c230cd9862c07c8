"""`packetlab pcap health`, run as a user runs it."""

import json
from pathlib import Path

import pytest

from tests.analysis.talk import ACK, FIN, Talk
from tests.cli.test_pcap_edit import run

HUNDRED = bytes(100)


@pytest.fixture
def lossy(tmp_path: Path) -> Path:
    """Connection 0 is sound, connection 1 (the same ports again) lost a segment."""
    talk = Talk().handshake()
    talk.client(20, 1, 1, flags=ACK | FIN)
    talk.client(1000, 50_000, 0, flags=2)
    talk.server(1005, 90_000, 50_001, flags=18)
    talk.client(1010, 50_001, 90_001)
    talk.client(1011, 50_001, 90_001, HUNDRED)
    talk.client(1300, 50_001, 90_001, HUNDRED)
    talk.server(1305, 90_001, 50_101)
    path = tmp_path / "lossy.pcapng"
    path.write_bytes(talk.capture().getvalue())
    return path


def test_connections_with_trouble_are_told_in_sentences_of_at_most_80_columns(lossy: Path) -> None:
    done = run("health", lossy)
    assert done.return_value == 1
    assert done.output.startswith("2 TCP connections, 1 with trouble\n\nconnection 1: 10.0.0.1:40000 -> 10.0.0.2:80\n")
    assert "warning: 10.0.0.1:40000 sent 1 segment again" in done.output and "packet 9" in done.output
    assert max(map(len, done.output.splitlines())) <= 80 and "\x1b" not in done.output
    assert "connection 0" not in done.output


def test_a_pipe_gives_the_same_as_a_file(lossy: Path) -> None:
    assert run("health", "-", stdin=lossy.read_bytes()).output == run("health", lossy).output


def test_one_connection_can_be_asked_for_and_a_sound_one_is_no_error(lossy: Path) -> None:
    done = run("health", lossy, "--stream", "0")
    assert done.return_value == 0 and done.output.strip().startswith("connection 0:")
    assert "there is no TCP connection 7" in str(run("health", lossy, "--stream", "7").exception)


def test_each_segment_of_which_something_was_found_is_a_line(lossy: Path) -> None:
    done = run("health", lossy, "--packets")
    assert [line.split(maxsplit=4) for line in done.output.splitlines()] == [
        ["5", "connection", "1", ">", "ports used again"],
        ["9", "connection", "1", ">", "retransmission after 289.0 ms"],
    ]
    assert run("health", lossy, "--packets", "--stream", "0").output == "nothing found\n"
    assert run("health", lossy, "--packets", "-Y", "frame.number == 9").output.count("\n") == 1


def test_json_has_the_numbers_the_statements_and_their_packets(lossy: Path) -> None:
    made = json.loads(run("health", lossy, "--json").output)
    assert made["connections"] == 2 and [one["stream"] for one in made["streams"]] == [1, 0]
    worst = made["streams"][0]
    assert worst["from_client"]["sent_again"] == 1 and worst["from_client"]["found"]["retransmission"] == 1
    assert worst["handshake_ns"] == 10_000_000 and worst["limited_by"] is None
    loss = next(said for said in worst["statements"] if said["name"] == "loss")
    assert loss["severity"] == "warning" and loss["packets"] == [9] and loss["why"] and loss["next"]
    packets = json.loads(run("health", lossy, "--packets", "--json").output)["packets"]
    assert packets[1] == {
        "number": 9, "stream": 1, "direction": ">", "kinds": ["retransmission"], "duplicate_ack": None,
        "duplicate_of": None, "waited_ns": 289_000_000,
    }  # fmt: skip


def test_a_connection_can_be_drawn(lossy: Path) -> None:
    done = run("health", lossy, "--stream", "1", "--plot", "sequence")
    assert "Sequence numbers" in done.output and "connection 1:" in done.output


def test_a_capture_without_tcp_says_so(tmp_path: Path) -> None:
    path = tmp_path / "none.pcapng"
    path.write_bytes(Talk().capture().getvalue())
    done = run("health", path)
    assert done.return_value == 0 and done.output == "no TCP connections\n"
