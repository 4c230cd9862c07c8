"""`packetlab pcap cut, merge, split, dedup, anonymise, repair, convert`, run as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from packetlab.capture import CaptureWriter, read
from packetlab.cli.pcap import pcap
from packetlab.model.errors import PacketLabError
from packetlab.model.frame import Frame
from tests.show.packets import handshake


def run(*arguments: object, stdin: bytes = b"") -> Result:
    done = CliRunner().invoke(pcap, [str(one) for one in arguments], input=stdin, standalone_mode=False)
    if done.exception is not None and not isinstance(done.exception, PacketLabError | SystemExit):
        raise done.exception
    return done


def frames(path: Path) -> list[Frame]:
    with read(path) as capture:
        return list(capture)


@pytest.fixture
def web(tmp_path: Path) -> Path:
    path = tmp_path / "web.pcapng"
    with CaptureWriter(path, comments=["of a test"]) as writer:
        writer.write_all(handshake())
    return path


def said(path: Path) -> str:
    with read(path) as capture:
        list(capture)
        return capture.sections[0].comments[-1]


def test_cut_keeps_what_numbers_times_and_filters_say(web: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    whole = frames(web)

    def kept(*options: str) -> list[bytes]:
        assert run("cut", web, "-o", out, *options).return_value == 0
        return [frame.data for frame in frames(out)]

    assert kept("-n", "2-3") == [frame.data for frame in whole[1:3]]
    assert kept("-Y", "tcp.flags.syn == 1") == [frame.data for frame in whole[:2]]
    assert "cut out (filter tcp.flags.syn == 1)" in said(out)
    later = (whole[2].time - whole[0].time) / 1e6
    assert kept("--from", f"{later}ms") == [frame.data for frame in whole[2:]]
    assert kept("--from", "0", "--to", f"{later}ms") == [frame.data for frame in whole[:2]]
    assert run("cut", web, "-o", out, "-Y", "udp").return_value == 1
    assert isinstance(run("cut", web, "-o", out).exception, PacketLabError)


def test_merge_split_dedup_and_convert_give_the_packets_back(web: Path, tmp_path: Path) -> None:
    whole = [frame.data for frame in frames(web)]
    parts = run("split", web, "--by", "number", "--every", "1", "-o", f"{tmp_path}/some/", "--json")
    names = json.loads(parts.output)["files"]
    assert len(names) == len(whole) and Path(names[0]).name == "web-00001.pcapng"
    assert run("merge", "-o", tmp_path / "merged.pcapng", *names, *names).return_value == 0
    assert len(frames(tmp_path / "merged.pcapng")) == 2 * len(whole)
    assert run("dedup", tmp_path / "merged.pcapng", "-o", tmp_path / "once.pcap.gz").return_value == 0
    assert [frame.data for frame in frames(tmp_path / "once.pcap.gz")] == whole
    done = run("convert", web, "-o", tmp_path / "web.pcap", "--json")
    assert json.loads(done.output) | {"files": []} == {
        "read": len(whole), "written": len(whole), "files": [], "not_kept": {"interface": len(whole)}, "damage": []
    }  # fmt: skip


def test_split_by_filter_and_by_flow(web: Path, tmp_path: Path) -> None:
    assert run("split", web, "--by", "filter", "-Y", "tcp.len > 0", "-o", tmp_path / "x.pcapng").return_value == 0
    matching, other = frames(tmp_path / "x-matching.pcapng"), frames(tmp_path / "x-other.pcapng")
    assert matching and other and len(matching) + len(other) == len(frames(web))
    done = run("split", web, "--by", "flow", "-o", f"{tmp_path}/flows/", "--json")
    files = json.loads(done.output)["files"]
    assert [Path(name).name for name in files] == ["web-tcp-10.0.0.1-40000-10.0.0.2-80.pcapng"]


def test_anonymised_addresses_depend_on_the_key_only(web: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret\n")
    for name, options in (("a", ["--key", "secret"]), ("b", ["--key-file", str(key)]), ("c", ["--key", "other"])):
        assert run("anonymise", web, *options, "-o", tmp_path / f"{name}.pcapng").return_value == 0
    a, b, c = ([frame.data for frame in frames(tmp_path / f"{name}.pcapng")] for name in "abc")
    assert a == b != c and a != [frame.data for frame in frames(web)]
    assert isinstance(run("anonymise", web, "-o", tmp_path / "d.pcapng").exception, PacketLabError)


def test_repair_reports_what_was_lost_and_ends_well(web: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pcapng"
    broken.write_bytes(web.read_bytes()[:-150])
    done = run("repair", broken, "-o", tmp_path / "mended.pcapng", "--json")
    made = json.loads(done.output)
    assert done.return_value == 0 and made["damage"] and made["written"] == made["read"] > 0
    assert len(frames(tmp_path / "mended.pcapng")) == made["written"]


def test_the_input_is_never_overwritten(web: Path) -> None:
    before = web.read_bytes()
    for command in ("convert", "repair", "dedup"):
        assert isinstance(run(command, web, "-o", web).exception, PacketLabError)
    assert web.read_bytes() == before


def test_a_capture_goes_through_pipes(web: Path) -> None:
    command = [sys.executable, "-m", "packetlab.cli.main", "pcap", "convert", "-", "-o", "-", "--format", "pcap-us"]
    done = subprocess.run(command, input=web.read_bytes(), capture_output=True)
    assert done.returncode == 0 and done.stdout[:4] == bytes.fromhex("d4c3b2a1")
    assert b"to standard output" in done.stderr


def test_an_interruption_leaves_nothing_behind(web: Path, tmp_path: Path) -> None:
    target = tmp_path / "somewhere" / "out.pcapng"
    target.parent.mkdir()
    command = [sys.executable, "-m", "packetlab.cli.main", "pcap", "convert", "-", "-o", str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stderr is not None
        child.stdin.write(web.read_bytes())
        child.stdin.flush()
        until = time.monotonic() + 10
        while not list(target.parent.iterdir()) and time.monotonic() < until:
            time.sleep(0.02)
        assert not target.exists() and list(target.parent.iterdir())
        os.kill(child.pid, signal.SIGINT)
        assert b"Traceback" not in child.stderr.read()
    assert child.returncode == 130 and not list(target.parent.iterdir())
