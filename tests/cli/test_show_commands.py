"""The commands show, explain and address, run as a user runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from packetlab.capture import CaptureWriter
from packetlab.model.frame import Frame
from tests.show.packets import HOSTILE, handshake, udp


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, "-m", "packetlab.cli.main", *arguments], input=stdin, capture_output=True)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "web.pcapng"
    with CaptureWriter(str(path)) as writer:
        for frame in handshake():
            writer.write(frame)
        data = udp(HOSTILE).encapsulate()
        writer.write(Frame(data, 400_000, len(data)))
    return str(path)


def test_a_capture_is_listed_one_line_for_each_packet(capture: str) -> None:
    code, out, _ = run("show", capture)
    lines = out.splitlines()
    assert code == 0 and len(lines) == 5
    assert "TCP 80 -> 40000 [SYN ACK] seq=0 ack=1" in lines[1] and "0.000120" in lines[1]


def test_a_limit_stops_the_list(capture: str) -> None:
    assert len(run("show", capture, "--limit", "2")[1].splitlines()) == 2


def test_one_packet_is_shown_in_depth(capture: str) -> None:
    code, out, _ = run("show", capture, "-n", "4")
    assert code == 0 and out.startswith("Frame 4: 72 bytes") and "method   GET" in out and "0030  " in out


@pytest.mark.parametrize("view", ["--layers", "--bytes", "--figure", "--explain"])
def test_each_view_can_be_asked_for_and_obeys_no_payload(capture: str, view: str) -> None:
    code, out, _ = run("show", capture, "-n", "2-5", view)
    assert code == 0 and "\x1b" not in out and all(len(line) <= 80 for line in out.splitlines())


def test_a_ladder_of_a_capture(capture: str) -> None:
    code, out, _ = run("show", capture, "--ladder", "--limit", "4")
    assert code == 0 and "10.0.0.1:40000" in out.splitlines()[0]


def test_json_of_a_list_and_of_one_packet(capture: str) -> None:
    listed = json.loads(run("show", capture, "--json")[1])
    assert [packet["number"] for packet in listed["packets"]] == [1, 2, 3, 4, 5] and listed["damage"] == []
    one = json.loads(run("show", capture, "-n", "2", "--json")[1])["packets"][0]
    assert one["layers"][2]["name"] == "tcp"


def test_damage_is_reported_behind_everything_sound(capture: str, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes(Path(capture).read_bytes()[:-200])
    code, out, err = run("show", str(cut))
    assert code == 1 and len(out.splitlines()) == 4 and "damaged: offset" in err
    code, out, _ = run("show", str(cut), "--json")
    assert code == 1 and json.loads(out)["damage"]


def test_colour_is_for_terminals_only_and_can_be_forced(capture: str) -> None:
    import os

    forced = dict(os.environ, FORCE_COLOR="1")
    done = subprocess.run(
        [sys.executable, "-m", "packetlab.cli.main", "show", capture], env=forced, capture_output=True, check=True
    )
    assert b"\x1b[36m" in done.stdout and b"\x1b[2J" not in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "packetlab.cli.main", "show", capture, "-n", "1"],
        env=dict(os.environ, PYTHONIOENCODING="ascii"), capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.isascii() and b"---" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "/nonexistent/file"), 1), (("show", "."), 1), (("show", __file__), 1), (("show",), 2),
        (("explain", "tcp.windw"), 2), (("address", "1.2.3"), 2), (("address",), 2),
        (("explain", "--first", "x", "45" * 20), 2),
    ],
)  # fmt: skip
def test_bad_input_gets_one_sentence_and_the_right_code(arguments: tuple[str, ...], code: int) -> None:
    got, out, err = run(*arguments)
    assert got == code and not out and err.strip()


def test_packets_that_are_not_there_are_named(capture: str) -> None:
    code, _, err = run("show", capture, "-n", "9")
    assert code == 2 and "there is no packet 9: the capture holds 5 packets" in err
    assert run("show", capture, "-n", "0")[0] == 2 and run("show", capture, "-n", "x")[0] == 2


def test_a_capture_is_read_from_standard_input(capture: str) -> None:
    assert len(run("show", "-", stdin=Path(capture).read_bytes())[1].splitlines()) == 5


def test_explain_takes_names_hex_and_standard_input() -> None:
    assert "tcp.window" in run("explain", "tcp.window")[1]
    assert "ends the connection" not in run("explain", "tcp.flags=0x2")[1]
    assert "src_port = 40000" in run("explain", udp().encapsulate().hex())[1]
    assert "src_port = 40000" in run("explain", stdin=udp().encapsulate().hex(" ").encode())[1]
    assert json.loads(run("explain", "udp.length", "--json")[1])[0]["wireshark"] == "udp.length"
    assert "udp" in run("explain")[1]


def test_explain_reads_what_tcpdump_prints(capture: str) -> None:
    try:
        done = subprocess.run(["tcpdump", "-xx", "-nr", capture, "-c", "1"], capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("tcpdump is not installed")
    assert "flags = 0x002  SYN" in run("explain", "-", stdin=done.stdout)[1]


def test_address_takes_several_and_json() -> None:
    code, out, _ = run("address", "10.1.2.3", "fe80::1%eth0", "192.168.0.0/16", "ff:ff:ff:ff:ff:ff")
    assert code == 0 and "private" in out and "link-local" in out and "broadcast" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert json.loads(run("address", "127.0.0.1", "--json")[1])["kind"] == "loopback"


def test_show_lists_only_the_packets_for_which_a_filter_holds(capture: str) -> None:
    code, out, _ = run("show", capture, "-Y", "tcp.flags.syn == 1")
    assert code == 0
    assert len(out.splitlines()) == 2
    code, _, err = run("show", capture, "-Y", "tcp.flags.sym == 1")
    assert code == 2
    assert "tcp.flags.syn" in err
