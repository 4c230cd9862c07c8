"""Commands within this process act in the host that they are given, and print nothing; what they cannot is left."""

import time
from collections.abc import Iterator

import pytest

from packetlab.cli.within import WITHIN, within
from packetlab.model.errors import NamespaceError
from packetlab.net.observed import ObservedNetwork
from packetlab.net.servers import TCPEchoServer
from packetlab.transport.tcp import TCP
from tests.conftest import missing

A, B, B6 = "10.0.0.1", "10.0.0.2", "fd00::2"
NET = f"hosts: {{a: {A}/24 fd00::1/64, b: {B}/24 {B6}/64}}\nlinks: [a -- b]\n"


@pytest.fixture
def net() -> Iterator[ObservedNetwork]:
    network = ObservedNetwork.from_spec(NET)
    try:
        network.start()
    except NamespaceError as error:
        missing(f"no virtual network: {error}")
    with network:
        yield network


DOES = [
    ("ping --ttl 7 -c 1 10.0.0.2", "icmp.type == 8 && ip.ttl == 7"),
    ("ping -c 1 fe80::1%eth0 -W 0.01", "icmpv6.nd.ns.target_address == fe80::1"),
    ("handshake --source-port 5000 10.0.0.2 9", "tcp.srcport == 5000 && tcp.flags.syn == 1"),
    ("tcp --source-port 5000 --mss 700 10.0.0.2 9 x", "tcp.srcport == 5000 && tcp.options.mss_val == 700"),
    ("udp --source-port 5000 -W 0.05 10.0.0.2 9 here", "udp && !icmp && udp.srcport == 5000"),
    ("udp -W 0.05 --ttl 7 fd00::2 9 --size 30", "udp && !icmpv6 && ipv6.hlim == 7 && udp.length == 38"),
    ("udp -W 0.05 10.0.0.2 9 -c 3 --grow -i 0", "udp && !icmp && udp.length == 11"),
    ("udp -W 0.05 10.0.0.2 9 no --count 3 --number --json", 'udp && !icmp && udp contains "no 3"'),
    ("send -W 0 -I eth0 ffffffffffff02000000000188b568656c6c6f", "eth.type == 0x88b5"),
    # A false claim, which is refused outside a lab.
    ("send -W 0 IPv4(src='10.0.0.9',dst='10.0.0.2')/UDP(src_port=9,dst_port=7)", "ip.src == 10.0.0.9"),
]


@pytest.mark.parametrize(("line", "condition"), DOES, ids=[line for line, _ in DOES])
def test_a_command_within_this_process_acts_in_the_host_and_prints_nothing(
    net: ObservedNetwork, capfd: pytest.CaptureFixture[str], line: str, condition: str
) -> None:
    assert within(net["a"], ["packetlab", *line.split()])
    net.expect("b", condition, within=15)
    assert capfd.readouterr() == ("", "")


def test_every_command_that_can_be_within_this_process_is_proved_to_act_in_the_host() -> None:
    assert {line.split()[0] for line, _ in DOES} == WITHIN


@pytest.mark.parametrize("line", [
    "ping -c 1 -s 30 10.0.0.2", "send -W 0 -I eth0 ffffffffffff02000000000188b568656c6c6f", "udp -W 1 10.0.0.2 9 hey",
])  # fmt: skip
def test_the_same_frame_leaves_as_from_a_process_of_its_own(net: ObservedNetwork, line: str) -> None:
    condition = "eth.type == 0x88b5 || icmp.type == 8 || (udp && !icmp)"
    assert within(net["a"], ["packetlab", *line.split()])
    here = net.expect("b", condition, within=15)
    net["a"].run(["packetlab", *line.split()])
    there = net.expect("b", condition, within=15)
    assert here and there and here.frame and there.frame
    assert len(here.frame.data) == len(there.frame.data)
    assert here.layers[-1].name == there.layers[-1].name and here.frame.data[:12] == there.frame.data[:12]


def test_tcp_within_this_process_has_a_conversation(net: ObservedNetwork) -> None:
    with TCPEchoServer(net["b"], 7):
        assert within(net["a"], ["packetlab", "tcp", B6, "7", r"a\n", "--size", "5"])
        net.expect("b", "tcp.dstport == 7 && tcp contains 61:0a:61:0a:61", within=15)
        last = net.expect("a", "tcp.srcport == 7 && tcp.flags.fin == 1", within=15)
    assert last and last[TCP].src_port == 7


@pytest.mark.parametrize("line", [
    "packetlab ping -c 1 b", "packetlab tcp b 7", "packetlab udp b 7", "packetlab handshake localhost 7",
    "packetlab tcp 10.0.0.2 7 -", "packetlab tcp 10.0.0.2 7 -W 0", "packetlab udp --listen 9", "packetlab tcp -l 9",
    "packetlab ping 10.0.0.2", "packetlab ping -c 1 10.0.0.2 -w here.pcapng", "packetlab interfaces", "packetlab",
    "packetlab http http://10.0.0.2/", "packetlab nothing", "ping -c 1 10.0.0.2", "packetlab --help",
])  # fmt: skip
def test_names_files_a_keyboard_and_what_never_ends_are_left_to_a_process(net: ObservedNetwork, line: str) -> None:
    assert not within(net["a"], line.split())
    net.expect("b", "arp || icmp || tcp || udp", absent=True)


@pytest.mark.parametrize("line", [
    "ping -c 1 10.9.9.9", "ping -c x 10.0.0.2", "ping --nothing", "udp 10.0.0.2 0", "tcp 10.0.0.2 9", "ping --help",
    "send -I eth9 -W 0 ffffffffffff", "send -W 0 Nothing()", "udp 10.0.0.2 9 -i 0", "handshake 10.0.0.2 x",
])  # fmt: skip
def test_a_command_that_fails_is_done_as_well_and_says_nothing(
    net: ObservedNetwork, capfd: pytest.CaptureFixture[str], line: str
) -> None:
    assert within(net["a"], ["packetlab", *line.split()])
    assert capfd.readouterr() == ("", "")


def test_a_ping_that_nobody_answers_waits_as_long_as_it_was_told(net: ObservedNetwork) -> None:
    start = time.monotonic()
    assert within(net["a"], ["packetlab", "ping", "-c", "1", "-W", "0.05", "10.0.0.9"])
    assert 0.05 <= time.monotonic() - start < 0.9  # 1 s by default
