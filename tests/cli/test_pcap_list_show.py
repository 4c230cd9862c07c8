"""`packetlab pcap list` and `packetlab pcap show`, run as a user runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from packetlab.capture import CaptureWriter
from packetlab.model.frame import Frame
from tests.cli.test_pcap_edit import run
from tests.show.packets import HOSTILE, handshake, udp


@pytest.fixture
def web(tmp_path: Path) -> Path:
    path = tmp_path / "web.pcapng"
    with CaptureWriter(path) as writer:
        writer.write_all(handshake())
        data = udp(HOSTILE).encapsulate()
        writer.write(Frame(data, 400_000, len(data)))
    return path


def test_a_filtered_list_counts_time_from_the_first_packet_of_the_capture(web: Path) -> None:
    done = run("list", web, "-Y", "tcp.flags.ack == 1", "--limit", "2")
    lines = done.output.splitlines()
    assert done.return_value == 0 and len(lines) == 2
    assert lines[0].split()[:2] == ["2", "0.000120"]


def test_a_stream_gives_the_same_list_as_a_file(web: Path) -> None:
    condition = "tcp.flags.ack == 1 && frame.number > 2"
    assert run("list", web, "-Y", condition).output == run("list", "-", "-Y", condition, stdin=web.read_bytes()).output


def test_columns_are_fields_and_nothing_in_them_controls_the_terminal(web: Path) -> None:
    done = run("list", web, "--columns", "frame.number,ip.src,tcp.port,frame.time_relative,eth.src")
    lines = [line.split("\t") for line in done.output.splitlines()]
    assert lines[0] == ["frame.number", "ip.src", "tcp.port", "frame.time_relative", "eth.src"]
    assert lines[1] == ["1", "10.0.0.1", "40000,80", "0.000000000", "02:00:00:00:00:01"]
    assert "\x1b" not in done.output
    made = json.loads(run("list", web, "--columns", "ip.ttl,tcp.port", "--json").output)
    assert made["packets"][0] == {"number": 1, "fields": {"ip.ttl": [64], "tcp.port": [40000, 80]}}


def test_show_of_the_group_is_show(web: Path) -> None:
    done = run("show", web, "-n", "4")
    assert done.return_value == 0 and done.output.startswith("Frame 4: 72 bytes")


def test_what_arrives_is_shown_before_the_stream_ends(web: Path) -> None:
    command = [sys.executable, "-m", "packetlab.cli.main", "pcap", "list", "-", "-Y", "tcp.flags.syn == 1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(web.read_bytes())
        child.stdin.flush()
        assert b"[SYN" in child.stdout.readline()
        child.stdin.close()
        child.stdout.read()
    assert child.returncode == 0


def test_damage_ends_the_list_with_a_finding(web: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pcapng"
    broken.write_bytes(web.read_bytes()[:-150])
    done = run("list", broken, "-Y", "frame")
    assert done.return_value == 1 and "damaged: offset" in done.output
