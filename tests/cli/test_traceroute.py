"""`packetlab traceroute` over real routers of the kernel, by ICMP, UDP and TCP, and with given times."""

import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import pytest

import packetlab.protocols
from packetlab.internet.icmp import DestinationUnreachable, EchoReply, TimeExceeded
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.traceroute import Answer, Hop, Traceroute, verdict
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import ip_text
from packetlab.model.errors import NamespaceError, PrivilegeError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.net import Network, VirtualHost
from packetlab.net.process import PIPE
from packetlab.transport.udp import UDP
from packetlab.wire.loop import Stop
from packetlab.wire.packet_socket import PacketDevice
from packetlab.wire.verbs.traceroute import traceroute
from tests.cli.live import as_json, packetlab
from tests.conftest import missing


@pytest.fixture(scope="module")
def chain() -> Iterator[Network]:
    """client - r1 - r2 - server."""
    network = Network()
    network.host("client", "10.0.1.2/24", "fd00:1::2/64", via=["10.0.1.1", "fd00:1::1"])
    network.router("r1", {"client": "10.0.1.1/24 fd00:1::1/64", "r2": "10.0.2.1/24 fd00:2::1/64"},
                   via=["10.0.2.2", "fd00:2::2"])  # fmt: skip
    network.router("r2", {"r1": "10.0.2.2/24 fd00:2::2/64", "server": "10.0.3.1/24 fd00:3::1/64"},
                   via=["10.0.2.1", "fd00:2::1"])  # fmt: skip
    network.host("server", "10.0.3.2/24", "fd00:3::2/64", via=["10.0.3.1", "fd00:3::1"])
    network.link("client", "r1", "r2", "server")
    try:
        network.start()
    except NamespaceError as error:
        missing(f"no virtual network: {error}")
    with network:
        yield network


WAY4 = ["10.0.1.1", "10.0.2.2", "10.0.3.2"]
WAY6 = ["fd00:1::1", "fd00:2::2", "fd00:3::2"]


@pytest.mark.parametrize("method", ["--icmp", "--udp", "--tcp"])
@pytest.mark.parametrize("way", [WAY4, WAY6], ids=["IPv4", "IPv6"])
def test_every_router_on_the_way_is_found_in_order(chain: Network, way: list[str], method: str) -> None:
    told = as_json(chain["client"], "traceroute", way[-1], method, "-q", "1", "-W", "2")
    assert [hop["addresses"] for hop in told["hops"]] == [[one] for one in way]
    assert told["reached"]
    assert all(answer["rtt_ns"] >= 0 for hop in told["hops"] for answer in hop["answers"])


def test_the_page_fits_80_columns_and_says_what_was_reached(chain: Network) -> None:
    done = packetlab(chain["client"], "traceroute", WAY4[-1], "-q", "1", "-W", "2")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "reached" in done.stdout


def test_a_target_that_does_not_exist_is_explained(chain: Network) -> None:
    done = packetlab(chain["client"], "traceroute", "10.0.3.77", "-q", "1", "-W", "4", "-m", "4")
    assert done.returncode == 1
    assert "not reached" in done.stdout


def test_hops_are_shown_as_they_come(chain: Network) -> None:
    silent = "10.0.7.1"
    chain["r2"].run(["ip", "route", "replace", "blackhole", silent], check=True)
    command = [sys.executable, "-m", "packetlab.cli.main", "traceroute", silent, "-q", "2", "-W", "50"]
    with chain["client"].popen(command, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdout is not None
        shown = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert b"at most 30 hops" in shown[0] and b"  1  10.0.1.1  " in shown[1]
    assert b"interrupted" in out and process.returncode == 1


def test_nothing_is_shown_behind_the_target_and_silence_is_explained_at_the_end(chain: Network) -> None:
    quiet = ["from", WAY4[1], "blackhole"]  # r1 passes nothing on that r2 itself says
    chain["r1"].run(["ip", "rule", "add", *quiet], check=True)
    try:
        done = packetlab(chain["client"], "traceroute", WAY4[-1], "--icmp", "-q", "1", "-W", "3")
    finally:
        chain["r1"].run(["ip", "rule", "del", *quiet], check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["1", WAY4[0]], ["2", "*"], ["3", WAY4[2]]]
    assert "hop 2: silent, but packets pass through it" in lines[4] and done.returncode == 0


def reply(to: Packet, router: str, *, final: bool = False) -> Packet:
    asked = to.filled()
    if final:
        echo = asked.layers[-1]
        return IPv4(src=router, dst="10.0.0.1") / EchoReply(identifier=echo.identifier, sequence=echo.sequence)  # type: ignore[attr-defined]
    return IPv4(src=router, dst="10.0.0.1") / TimeExceeded() / asked.encapsulate()[:28]


def test_all_icmp_probes_have_one_checksum_so_that_they_take_one_way() -> None:
    run = Traceroute(bytes([10, 0, 0, 1]), bytes([10, 0, 9, 9]), parallel=30)
    checksums = {packet.filled().layers[-1].checksum for packet in run.begin(0).send}  # type: ignore[attr-defined]
    assert len(checksums) == 1


def test_answers_out_of_order_silence_and_the_end_are_told_apart() -> None:
    run = Traceroute(bytes([10, 0, 0, 1]), bytes([10, 0, 9, 9]), probes=1, parallel=3, max_hops=5)
    sent = list(run.begin(0).send)
    assert [packet[IPv4].ttl for packet in sent] == [1, 2, 3]

    def arrive(packet: Packet, at: int) -> list[Answer]:
        data = packet.encapsulate()
        return list(run.receive(decapsulate(data, IPv4), Frame(data, at, len(data), 101)).events)

    second = arrive(reply(sent[1], "10.0.2.2"), 2_000_000)
    assert [(one.hop, one.rtt, one.kind) for one in second] == [(2, 2_000_000, "router")]
    third = arrive(reply(sent[2], "10.0.9.9", final=True), 3_000_000)
    assert [(one.hop, one.kind) for one in third] == [(3, "target")]
    step = run.expire(1_000_000_001)
    assert [(one.hop, one.kind) for one in step.events] == [(1, "silence")]
    assert step.done


def test_silence_means_something_else_when_packets_pass() -> None:
    def hop(number: int, *kinds: str) -> Hop:
        who = {"silence": b""}
        answers = [Answer(number, n, who.get(kind, b"\1\2\3\4"), 1, kind) for n, kind in enumerate(kinds)]  # type: ignore[arg-type]
        return Hop(number, answers)

    whole = hop(3, "target", "target")
    assert verdict(whole, []) == ""
    assert "packets pass" in verdict(hop(2, "silence", "silence"), [whole])
    assert "limits" in verdict(hop(2, "router", "silence"), [whole])
    assert "lost" in verdict(hop(2, "router", "silence"), [hop(3, "target", "silence")])


class Unprivileged:
    """A host object that refuses raw and packet sockets, as the kernel does to an ordinary user."""

    def __init__(self, host: VirtualHost) -> None:
        self.name, self.host = host.name, host

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        if family != socket.AF_NETLINK and type == socket.SOCK_RAW:
            raise PermissionError(1, "Operation not permitted")
        return self.host.socket(family, type, proto)


@pytest.mark.parametrize("way", [WAY4, WAY6], ids=["IPv4", "IPv6"])
def test_without_privilege_udp_probes_find_the_same_way(chain: Network, way: list[str]) -> None:
    result = traceroute(way[-1], probes=1, timeout=2, max_hops=5, via=Unprivileged(chain["client"]))
    assert [[ip_text(one) for one in hop.addresses] for hop in result.hops] == [[one] for one in way]
    assert result.reached and result.method == "udp" and not result.exact
    assert all(answer.rtt is not None and answer.rtt >= 0 for hop in result.hops for answer in hop.answers)


def test_without_privilege_other_probes_are_refused_with_what_to_do(chain: Network) -> None:
    with pytest.raises(PrivilegeError) as caught:
        traceroute(WAY4[-1], method="tcp", via=Unprivileged(chain["client"]))
    assert "--udp" in caught.value.remedy


QUOTED = 28
"""Bytes that old routers quote: the IP header and 64 bits more (RFC 792)."""


@pytest.fixture
def old_routers() -> Iterator[Network]:
    """Behind `m`, whose kernel forwards nothing, three hops that quote 28 bytes; the second says nothing at all."""
    network = Network()
    network.host("client", "10.0.1.2/24", via="10.0.1.1")
    network.host("m", "10.0.1.1/24")
    network.link("client", "m")
    with network, PacketDevice("eth0", network["m"]) as device, contextlib.closing(Stop()) as over:
        client = bytes([10, 0, 1, 2])

        def answer() -> None:
            while not over.asked:
                for frame in device.receive(0.1):
                    packet = decapsulate(frame.data)
                    probe = packet.get(UDP)
                    if probe is None or packet[IPv4].src != client or packet[IPv4].ttl == 2 or frame.direction != "in":
                        continue
                    near = packet[IPv4].ttl == 1
                    src = bytes([10, 0, 1, 1]) if near else packet[IPv4].dst
                    error = TimeExceeded() if near else DestinationUnreachable(code=3)
                    eth = Ethernet(dst=packet[Ethernet].src, src=packet[Ethernet].dst)
                    device.send(eth / IPv4(src=src, dst=client) / error / frame.data[14 : 14 + QUOTED])

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield network
        finally:
            over.ask()
            thread.join()


def test_without_privilege_routers_that_quote_eight_bytes_are_found_too(old_routers: Network) -> None:
    result = traceroute("10.9.9.9", probes=2, timeout=1.5, max_hops=8, via=Unprivileged(old_routers["client"]))
    assert [[ip_text(one) for one in hop.addresses] for hop in result.hops] == [["10.0.1.1"], [], ["10.9.9.9"]]
    assert [hop.lost for hop in result.hops] == [0, 2, 0] and result.reached and not result.exact
