"""`packetlab arp` and `packetlab ndp` between kernel hosts."""

import signal
import socket
import sys
from pathlib import Path

import pytest

from packetlab.model.addresses import ip_bytes
from packetlab.net import Network
from packetlab.net.process import PIPE
from tests.cli.live import CLIENT, CLIENT6, FAR, FAR6, SERVER, SERVER6, as_json, network, packetlab, tshark

__all__ = ["network"]


@pytest.mark.needs("tshark")
def test_arp_finds_the_card_that_the_kernel_has(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "arp.pcapng"
    done = packetlab(network["client"], "arp", SERVER, "-w", str(path))
    assert done.returncode == 0 and f"{SERVER} is at {network['server'].mac()}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert tshark(path, "arp.opcode", "arp.dst.proto_ipv4") == [["1", SERVER], ["2", CLIENT]]


def test_the_time_of_an_answer_is_in_the_json(network: Network) -> None:
    (claim,) = as_json(network["client"], "arp", SERVER)["claims"]
    assert claim["mac"] == network["server"].mac() and 0 <= claim["rtt_ns"] < 1e9


def test_an_address_that_nobody_has_gets_three_questions_and_code_1(network: Network) -> None:
    assert as_json(network["client"], "arp", "10.0.1.77", "-W", "0.1", code=1)["asked"] == 3
    assert as_json(network["client"], "ndp", "fd00:1::77", "-W", "0.1", code=1)["asked"] == 3


def test_a_scan_finds_every_machine_of_the_network(network: Network) -> None:
    found = as_json(network["client"], "arp", "--scan", "10.0.1.0/24", "-W", "0.2")
    assert {claim["address"] for claim in found["claims"]} == {SERVER, "10.0.1.254"}


def test_a_probe_tells_a_taken_address_and_does_not_touch_the_caches(network: Network) -> None:
    network["server"].run(["ip", "neigh", "flush", "all"])
    found = as_json(network["client"], "arp", "--probe", SERVER, code=1)
    assert found["claims"][0]["mac"] == network["server"].mac() and found["source"] == "0.0.0.0"
    assert CLIENT.encode() not in [row.address for row in network["server"].neighbours()]


def test_an_announcement_updates_the_cache_of_a_neighbour(network: Network) -> None:
    packetlab(network["server"], "ping", CLIENT, "-c", "1")
    assert as_json(network["client"], "arp", "--announce", CLIENT)["asked"] == 2
    rows = {row.address: row.mac.hex(":") for row in network["server"].neighbours()}
    assert rows[bytes([10, 0, 1, 1])] == network["client"].mac()


def test_beyond_the_router_nobody_is_asked_and_the_router_is_named(network: Network) -> None:
    done = packetlab(network["client"], "arp", FAR)
    assert done.returncode == 1 and "10.0.1.254" in done.stderr and "packetlab arp 10.0.1.254" in done.stderr
    done = packetlab(network["client"], "ndp", FAR6)
    assert done.returncode == 1 and "packetlab ndp fd00:1::254" in done.stderr


@pytest.mark.needs("tshark")
def test_ndp_finds_the_card_that_the_kernel_has(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "ndp.pcapng"
    done = packetlab(network["client"], "ndp", SERVER6, "-w", str(path))
    assert done.returncode == 0 and f"{SERVER6} is at {network['server'].mac()}" in done.stdout
    rows = tshark(path, "icmpv6.type", "ipv6.hlim", "_ws.malformed")
    assert [row[:2] for row in rows if row[0] in ("135", "136")][:2] == [["135", "255"], ["136", "255"]]


def test_an_ipv6_probe_tells_taken_from_free(network: Network) -> None:
    taken = as_json(network["client"], "ndp", "--probe", SERVER6, code=1)
    assert taken["source"] == "::" and taken["neighbours"][0]["mac"] == network["server"].mac()
    assert as_json(network["client"], "ndp", "--probe", "fd00:1::88", "-W", "0.2")["ok"]


def test_ones_own_address_is_no_question_for_the_link(network: Network) -> None:
    for command, address in (("arp", CLIENT), ("ndp", CLIENT6)):
        done = packetlab(network["client"], command, address)
        assert done.returncode == 1 and "this host itself" in done.stderr


def test_wrong_input_is_one_sentence_with_code_2(network: Network) -> None:
    for arguments in (("arp", "--scan", "10.0.0.0/8"), ("arp", "--scan", "fd00::/64"), ("arp", "--probe", "10.0.1"),
                      ("arp", "--scan", "--probe", SERVER), ("ndp", "--probe", "x")):  # fmt: skip
        done = packetlab(network["client"], *arguments)
        assert done.returncode == 2 and done.stderr and "Traceback" not in done.stderr, (arguments, done.stderr)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("arp 10.0.1.77 -c 30", b"interrupted before anybody answered"),
        ("arp --probe 10.0.1.77", b"it is not known whether"),
        ("ndp fd00:1::77 -c 30", b"interrupted before anybody answered"),
        ("handshake 10.0.1.77 80", b"1 not settled"),
    ],
)
def test_ctrl_c_ends_every_command_with_its_summary(network: Network, command: str, words: bytes) -> None:
    run = [sys.executable, "-m", "packetlab.cli.main", *command.split()]
    wanted = ip_bytes(next(word for word in command.split() if "77" in word))
    with network["client"].socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300) as watch:
        watch.settimeout(20)
        with network["client"].popen(run, stdout=PIPE, stderr=PIPE) as process:
            while wanted not in watch.recv(2000):
                pass  # until it has asked for the address, or the kernel for it
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(b"", 30)
    assert words in b" ".join(out.split()) and err == b"" and process.returncode == 1
