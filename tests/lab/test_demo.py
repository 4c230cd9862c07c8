"""The demo, on kernel hosts and in memory, as root and as an ordinary user; tshark reads what it leaves."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import packetlab.protocols  # noqa: F401
from packetlab.application.dns import DNS
from packetlab.internet.icmp import EchoReply, EchoRequest
from packetlab.internet.ipv4 import IPv4
from packetlab.lab.demo import PLACES, Scene, added, changed_on_the_way, commented, walk
from packetlab.lab.demo_stages import MemoryStage, Stage, stage
from packetlab.link.arp import ARP
from packetlab.model.errors import NamespaceError
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.tcp import TCP
from tests.conftest import missing


def kernel_stage() -> Stage:
    try:
        return stage()
    except NamespaceError as error:
        missing(f"this machine makes no virtual networks: {error}")
        raise


def packets(scene: Scene, place: str) -> list[Packet]:
    return [decapsulate(frame.data, frame.link_type) for frame in scene.at(place)]


@pytest.mark.parametrize("make", [kernel_stage, MemoryStage], ids=["kernel", "memory"])
def test_every_step_shows_its_protocol_at_every_interface_it_passes(make: Any) -> None:
    with make() as ready:
        scenes = {scene.act.key: scene for scene in walk(ready)}
    assert list(scenes) == ["arp", "ping", "handshake", "udp", "dns", "http"]
    assert [p[ARP].operation for p in packets(scenes["arp"], PLACES[0])] == [1, 2]
    assert not scenes["arp"].at(PLACES[2])
    assert not scenes["arp"].at(PLACES[3])
    for place in PLACES:
        kinds = [type(p.layers[-1]) for p in packets(scenes["ping"], place) if ARP not in p]
        assert kinds == [EchoRequest, EchoReply]
        flags = [int(p[TCP].flags) for p in packets(scenes["handshake"], place)]
        assert flags[:3] == [TCP.SYN, TCP.SYN | TCP.ACK, TCP.ACK]
        assert sum(bool(f & TCP.FIN) for f in flags) == 2
        assert [p.payload for p in packets(scenes["udp"], place)] == [b"one datagram, no promises"] * 2
        assert [p[DNS].response for p in packets(scenes["dns"], place)] == [0, 1]
        assert b"GET / HTTP/1.1" in b"".join(p.data or b"" for p in packets(scenes["http"], place))
        assert b"Hello from the server" in b"".join(p.data or b"" for p in packets(scenes["http"], place))
    for scene in scenes.values():
        for place in PLACES:
            for packet in packets(scene, place):
                assert packet.faults == ()
                assert all(check.ok for check in packet.check())


def test_the_router_changes_the_macs_the_ttl_and_the_checksum_and_nothing_else() -> None:
    with kernel_stage() as ready:
        scene = {one.act.key: one for one in walk(ready)}["ping"]
    near = next(p for p in packets(scene, PLACES[0]) if EchoRequest in p)
    far = next(p for p in packets(scene, PLACES[3]) if EchoRequest in p)
    changed = {name for name, _, _ in changed_on_the_way(near, far)}
    assert changed == {"ethernet.dst", "ethernet.src", "ipv4.ttl", "ipv4.checksum"}
    assert (near[IPv4].ttl, far[IPv4].ttl) == (64, 63)
    assert near.payload == far.payload


def test_what_the_layers_added_is_the_whole_frame() -> None:
    with MemoryStage() as ready:
        for scene in walk(ready):
            assert scene.chosen is not None
            frame, packet = scene.chosen
            assert sum(part.size for part in added(packet)) == len(frame.data)


def test_the_first_frame_of_each_step_carries_its_story() -> None:
    with MemoryStage() as ready:
        frames = commented(list(walk(ready)))
    comments = [frame.comment for frame in frames if frame.comment]
    assert [comment[0] for comment in comments] == list("123456")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "packetlab.cli.main", "demo", *arguments]


@pytest.mark.needs("tshark")
def test_the_demo_takes_under_five_seconds_and_leaves_a_capture_that_tshark_reads(tmp_path: Path) -> None:
    kernel_stage()
    target = tmp_path / "demo.pcapng"
    started = time.monotonic()
    run = subprocess.run(command("-w", str(target)), capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert time.monotonic() - started < 5
    assert "real hosts" in " ".join(run.stdout.split())
    assert "\x1b" not in run.stdout
    assert all(len(line) <= 80 for line in run.stdout.splitlines())
    told = subprocess.run(
        ["tshark", "-nr", str(target), "-T", "fields", "-e", "frame.comment", "-Y", "frame.comment"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert [line[0] for line in told.splitlines()] == list("123456")


def test_an_ordinary_user_gets_the_same_demo(ordinary_user: Any) -> None:
    kernel_stage()
    run = ordinary_user.run(command("--json", "--no-capture"))
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["excuse"] == ""
    assert [step["key"] for step in told["steps"]] == ["arp", "ping", "handshake", "udp", "dns", "http"]
    assert told["steps"][1]["frames"]["server eth0"]


def test_where_namespaces_are_forbidden_the_walk_runs_in_memory_and_says_so(tmp_path: Path) -> None:
    forbid = (
        "import packetlab.net.capabilities as capabilities\n"
        "from packetlab.model.errors import NamespaceError\n"
        "def refuse():\n"
        "    raise NamespaceError('user namespaces are switched off', remedy='sysctl user.max_user_namespaces=10000')\n"
        "capabilities.probe = refuse\n"
        "from packetlab.cli.main import main\n"
        "main(['demo', '--no-capture'])\n"
    )
    run = subprocess.run([sys.executable, "-c", forbid], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    words = " ".join(run.stdout.split())
    assert "A wire in memory" in words
    assert "user namespaces are switched off" in words
    assert "sysctl user.max_user_namespaces=10000" in words


def test_a_capture_that_cannot_be_written_is_one_clear_sentence() -> None:
    asked = command("--memory", "-w", "/proc/nowhere/demo.pcapng")
    run = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert "could not be written" in run.stderr
    assert "--no-capture" in run.stderr
    assert "Traceback" not in run.stderr
    assert "6. HTTP" in run.stdout
