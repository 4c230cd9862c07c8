"""`packetlab pcap summary` and `pcap flows` on files, on a pipe that is still being written, and on damage."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import IO

from tests.analysis.test_flows import ACK, SYN, tcp, udp_packet, written

PACKETLAB = [sys.executable, "-m", "packetlab.cli.main", "pcap"]


def run(*words: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*PACKETLAB, *words], capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload, no-any-return]


def handshake() -> list[bytes]:
    return [tcp(SYN, 100), tcp(SYN | ACK, 500, 101, back=True), tcp(ACK, 101, 501)]


def test_summary_shows_counts_protocols_and_talkers_within_80_columns(tmp_path: Path) -> None:
    done = run("summary", str(written(tmp_path / "a.pcapng", [*handshake(), udp_packet(1000, six=True).encapsulate()])))
    assert done.returncode == 0, done.stderr
    for words in ("packets      4", "ethernet", "ipv6", "top talkers", "10.0.0.1", "packets/s"):
        assert words in done.stdout
    assert max(map(len, done.stdout.splitlines()[1:])) <= 80


def test_summary_as_json_is_one_document(tmp_path: Path) -> None:
    found = json.loads(run("summary", "--json", str(written(tmp_path / "a.pcapng", handshake()))).stdout)
    assert found["packets"] == 3 and found["damage"] == []
    assert found["protocols"][-1] == {"path": ["ethernet", "ipv4", "tcp"], "packets": 3, "bytes": found["bytes"]}


def test_flows_shows_endpoints_state_and_round_trip_time(tmp_path: Path) -> None:
    done = run("flows", str(written(tmp_path / "a.pcapng", handshake())))
    assert done.returncode == 0, done.stderr
    assert "1 TCP connections, 3 packets" in done.stdout
    assert "10.0.0.1:4000" in done.stdout and "open, RTT 2.000 ms" in done.stdout


def test_flows_as_json_are_sorted_and_limited(tmp_path: Path) -> None:
    packets = [tcp(ACK, port=1000), *(tcp(ACK, port=2000) for _ in range(3)), *(tcp(ACK, port=3000) for _ in range(2))]
    path = str(written(tmp_path / "a.pcapng", packets))
    found = json.loads(run("flows", path, "--sort", "packets", "--limit", "2", "--json").stdout)
    assert [(flow["a_port"], flow["packets_ab"]) for flow in found["flows"]] == [(2000, 3), (3000, 2)]
    assert found["count"] == 3 and found["flows"][0]["community_id"].startswith("1:")


def test_ipv6_flows_take_two_lines_rather_than_be_cut(tmp_path: Path) -> None:
    done = run("flows", "--layer", "udp", str(written(tmp_path / "a.pcapng", [udp_packet(9, six=True).encapsulate()])))
    assert "[::1]:5000" in done.stdout and max(map(len, done.stdout.splitlines())) <= 80


def test_damage_is_told_and_the_exit_code_is_1(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcapng", handshake())
    path.write_bytes(path.read_bytes()[:-20])
    for command in ("summary", "flows"):
        done = run(command, str(path))
        assert done.returncode == 1 and "damaged: offset" in done.stderr and done.stdout


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    done = run("flows", str(tmp_path / "none.pcap"))
    assert done.returncode == 1 and "there is no file" in done.stderr and "Traceback" not in done.stderr


def test_a_pipe_that_is_still_open_is_summed_up_at_the_first_or_second_interrupt(tmp_path: Path) -> None:
    data = written(tmp_path / "a.pcapng", handshake()).read_bytes()
    for command in ("summary", "flows"):
        child = subprocess.Popen([*PACKETLAB, command, "-", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(data)
        child.stdin.flush()
        deadline = time.monotonic() + 60
        while _unread(child.stdin) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.5)  # from the first read to its own way with SIGINT: some microseconds, where it is let
        os.kill(child.pid, signal.SIGINT)  # the writer may have something left: it goes on reading
        time.sleep(0.5)  # two signals that come together are one
        assert child.poll() is None
        os.kill(child.pid, signal.SIGINT)
        found = json.loads(child.stdout.read())
        child.stdout.close()
        child.stdin.close()
        assert child.wait(20) == 0 and found["packets"] == 3


def _unread(pipe: IO[bytes]) -> bool:
    """Whether there is something in the pipe that nobody has read yet."""
    return int.from_bytes(fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder) > 0
