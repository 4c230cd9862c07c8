"""`capture`, `send` and `interfaces` between kernel hosts, on IPv4 and IPv6."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from packetlab.model.errors import UsageError
from packetlab.net import Network
from packetlab.net.process import PIPE
from packetlab.show.expression import read_packet
from packetlab.transport.udp import UDP
from tests.cli.live import CLIENT, CLIENT6, SERVER, SERVER6, as_json, network, packetlab, tshark

__all__ = ["network"]


def test_interfaces_tells_addresses_routes_and_neighbours(network: Network) -> None:
    network["client"].run(["ping", "-c", "1", SERVER])
    done = packetlab(network["client"], "interfaces")
    assert done.returncode == 0, done.stderr
    for words in ("eth0", f"{CLIENT}/24", f"{CLIENT6}/64", "private", "everything else", "through 10.0.1.254", SERVER):
        assert words in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    told = as_json(network["client"], "interfaces", "eth0")
    assert [card["name"] for card in told["interfaces"]] == ["eth0"]
    assert any(one["address"] == SERVER for one in told["neighbours"])


def test_an_unknown_interface_is_one_clear_sentence(network: Network) -> None:
    done = packetlab(network["client"], "interfaces", "nope0")
    assert done.returncode in (1, 2)
    assert "nope0" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.needs("tshark")
def test_capture_shows_what_passes_and_records_it_until_interrupted(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "seen.pcapng"
    command = [sys.executable, "-m", "packetlab.cli.main", "capture", "-i", "eth0", "-w", str(path), "icmp"]
    process = network["server"].popen(command, stdout=PIPE, stderr=PIPE)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (path.exists() and path.stat().st_size > 600):
        network["client"].run(["ping", "-c", "1", "-W", "1", SERVER])
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.wait(20) == 0, err
    assert b"ICMP echo request" in out
    assert b"none dropped" in err
    assert b"Traceback" not in err
    assert {row[0] for row in tshark(path, "frame.protocols")} == {"eth:ethertype:ip:icmp:data"}


def test_capture_ends_by_itself_and_says_when_nothing_came(network: Network) -> None:
    done = packetlab(network["far"], "capture", "-t", "0.2", "udp.port", "==", "4242")
    assert done.returncode == 1
    assert "0 packets shown" in done.stderr


def test_a_wrong_filter_is_refused_before_anything_is_captured(network: Network) -> None:
    done = packetlab(network["server"], "capture", "tcp.prot == 1")
    assert done.returncode == 2
    assert "tcp.port" in done.stderr


@pytest.mark.parametrize(("source", "target", "header"), [(CLIENT, SERVER, "IPv4"), (CLIENT6, SERVER6, "IPv6")])
def test_a_packet_that_is_sent_is_answered_by_the_other_kernel(
    network: Network, source: str, target: str, header: str
) -> None:
    echo = "EchoRequest" if header == "IPv4" else "EchoRequest6"
    words = f'{header}(src="{source}", dst="{target}") / {echo}(identifier=7, sequence=1) / "are you there"'
    done = packetlab(network["client"], "send", words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "echo reply" in done.stdout
    told = as_json(network["client"], "send", words)
    assert len(told["sent"]) == 1
    assert len(told["answers"]) == 1


def test_a_frame_with_a_length_is_sent_as_it_is_written(network: Network) -> None:
    client = network["client"]
    words = f'IEEE8023(dst="ff:ff:ff:ff:ff:ff", src="{client.mac()}") / LLC() / SNAP(type=0x88b5) / "hi"'
    told = as_json(client, "send", "-I", "eth0", "-W", "0", words, code=1)
    assert [layer["title"] for layer in told["sent"][0]["layers"]][:3] == ["IEEE8023", "LLC", "SNAP"]
    without = packetlab(client, "send", words)
    assert without.returncode == 2 and "needs an interface" in without.stderr


def test_a_dry_run_sends_nothing_and_shows_every_layer(network: Network) -> None:
    words = 'Ethernet(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:01") / IPv4(src="10.0.0.1", dst="10.0.0.2") / "x"'
    done = packetlab(network["client"], "send", "-n", words)
    assert done.returncode == 0, done.stderr
    assert "Ethernet" in done.stdout and "IPv4" in done.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import os", "neither hex nor an expression"),
        ('__import__("os").system("true")', "no header"),
        ("UDP(src_port=1)", "dst_port"),
        ("UDP(src_port=1, dst_port=70000)", "16 bits"),
        ("UPD(src_port=1, dst_port=2)", "UPD"),
        ('"text" / UDP(src_port=1, dst_port=2)', "only headers"),
        ("UDP(1, 2)", "by name"),
        ("abc", "cannot stand"),
        ("UDP(src_port=1, dst_port=2) / word", 'text stands in double quotes: "word"'),
        ("UDP(src_port=1, dst_port=2) / UDP", "UDP(...) for the header"),
        ("[x for x in (1,)]", "cannot stand"),
    ],
)
def test_an_expression_that_is_no_packet_is_refused_with_a_reason(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_packet(text)
    assert words in str(caught.value) + caught.value.remedy


def test_a_packet_that_the_shell_took_apart_is_told_to_be_put_in_quotes() -> None:
    words = ["UDP(src_port=1, dst_port=2)", "/", "hi"]
    done = subprocess.run([sys.executable, "-m", "packetlab.cli.main", "send", "-n", *words], capture_output=True,
                          text=True, timeout=60)  # fmt: skip
    assert done.returncode == 2
    assert "a packet is one argument, and here are 3" in done.stderr and "'single quotes' around" in done.stderr


def test_an_expression_or_hex_gives_the_packet_it_says() -> None:
    packet = read_packet('UDP(src_port=1, dst_port=2) / "hi" ')
    assert packet[UDP].dst_port == 2
    assert packet.payload == b"hi"
    lines = 'UDP(src_port=1,\n      dst_port=2)\n    / "hi"'
    assert read_packet(lines).encapsulate() == packet.encapsulate()
    with pytest.raises(UsageError, match="in line 2"):
        read_packet("UDP(src_port=1)\n / UDP(src_port=)")
    assert read_packet("00:01 02 03").encapsulate() == bytes(range(4))
    assert json.dumps(packet.payload.decode()) == '"hi"'


@pytest.mark.parametrize(
    "words",
    [
        f'IPv4(src="10.9.9.9", dst="{SERVER}") / UDP(src_port=1, dst_port=2) / "x"',
        f'IPv6(src="fd00:9::9", dst="{SERVER6}") / UDP(src_port=1, dst_port=2) / "x"',
        'Ethernet(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:01") / "x"',
        f'Ethernet(dst="ff:ff:ff:ff:ff:ff", src="MAC") / ARP(operation=2, sender_hardware="MAC", '
        f'sender_protocol="{SERVER}", target_hardware="00:00:00:00:00:00", target_protocol="{CLIENT}")',
        f'IPv6(src="{CLIENT6}", dst="{SERVER6}", hop_limit=255) / NeighbourAdvertisement(target="fd00:1::254")',
        f'IPv6(src="{CLIENT6}", dst="{SERVER6}", hop_limit=255) / RouterAdvertisement6(lifetime=0)',
        'IEEE8023(dst="01:80:c2:00:00:00", src="MAC") / LLC(dsap=0x42, ssap=0x42) / '
        'ConfigurationBPDU(root_address="MAC", bridge_address="MAC")',
    ],
    ids=["IPv4", "IPv6", "MAC", "ARP", "NDP", "router", "spanning tree"],
)
def test_claiming_to_be_somebody_else_is_refused_outside_a_lab(network: Network, words: str) -> None:
    client = network["client"]
    words = words.replace("MAC", client.mac())
    # Without its mark, the host's own network looks like a real one.
    command = ["env", "-u", "PACKETLAB_HOST", sys.executable, "-m", "packetlab.cli.main", "send", "-I", "eth0", words]
    refused = client.run(command, timeout=60)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "only inside a virtual network" in refused.stderr
    allowed = packetlab(client, "send", "-I", "eth0", "-W", "0", words)
    assert allowed.returncode == 1, allowed.stderr
