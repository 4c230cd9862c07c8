"""The fixture `packetnet` as other projects use it: what passes, and what a failure looks like."""

import subprocess
import sys
from pathlib import Path

import pytest

import packetlab
from packetlab.model.errors import NamespaceError
from packetlab.net import probe
from tests.conftest import ROOT, missing

pytest_plugins = ["pytester"]

HEAD = """
import socket, sys, threading
import pytest
from packetlab import ICMP, UDP, Ethernet, IPv4, IPv6

PAIR = '''
hosts:
  client: 10.0.0.1/24 fd00::1/64
  server: 10.0.0.2/24 fd00::2/64
links:
  - client -- server
'''
HELLO = IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(src_port=9000, dst_port=7) / b"hello"
"""

PASSES = """
def test_nothing_of_packetlab_is_loaded_before_it_is_used():
    assert "packetlab.net.network" not in sys.modules

def test_a_packet_goes_through_the_kernel_and_what_comes_back_is_seen(packetnet):
    net = packetnet(PAIR)
    net.send("client", HELLO)
    got = net.expect("server", "udp.dstport == 7", direction="in")
    assert got.payload == b"hello" and got.frame.interface == "server eth0"
    net.expect("client", "icmp.type == 3 && icmp.code == 3", direction="in")

def test_ipv6_frames_packets_and_functions_are_understood(packetnet):
    net = packetnet(PAIR)
    six = IPv6(src="fd00::1", dst="fd00::2") / UDP(src_port=9000, dst_port=7) / b"six"
    net.send("client", six)
    assert net.expect("server", six).payload == b"six"
    frame = Ethernet(dst=net["server"].mac(), src=net["client"].mac()) / HELLO
    net.send("client", frame)
    net.expect("server", frame)
    net.send("client", HELLO.encapsulate().rjust(50, b"x"))
    net.expect("server", lambda packet: packet.data.startswith(b"xxx"))

def test_each_packet_is_expected_once_in_order(packetnet):
    net = packetnet(PAIR)
    for number in (1, 2):
        net.send("client", IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(src_port=number, dst_port=7))
    assert [net.expect("server", "udp && !icmp")[UDP].src_port for _ in "12"] == [1, 2]
    with pytest.raises(AssertionError):
        net.expect("server", "udp.srcport == 1 && !icmp", within=0.01)
    assert len([packet for packet in net.seen("server") if UDP in packet and ICMP not in packet]) == 2

def test_silence_is_known_to_be_silence(packetnet):
    net = packetnet(PAIR)
    net.send("client", HELLO)
    net.expect("server", "tcp", absent=True, within=0.01)
    net.expect("server", "udp.dstport == 7")

def test_unchanged_code_runs_inside_hosts_and_cannot_leave(packetnet, tmp_path):
    net = packetnet(PAIR)
    with net.inside("server"):
        listener = socket.create_server(("", 80))
    def serve():
        accepted, _ = listener.accept()
        accepted.sendall(accepted.recv(10).upper())
        accepted.close()
    thread = threading.Thread(target=serve)
    thread.start()
    with net.inside("client"):
        with socket.create_connection(("server", 80), timeout=3) as sock:
            sock.sendall(b"hello")
            assert sock.recv(10) == b"HELLO"
        with socket.socket(type=socket.SOCK_DGRAM) as datagram:
            datagram.sendto(b"by name", ("server", 7))
        with pytest.raises(socket.gaierror, match="no host of this virtual network"):
            socket.create_connection(("example.com", 80))
        with pytest.raises(OSError, match="unreachable"):
            socket.create_connection(("192.0.2.1", 80), timeout=3)
    thread.join()
    listener.close()
    assert "connect" not in vars(socket.socket)
    net.expect("server", "tcp.flags.syn == 1 && tcp.flags.ack == 0")
    net.expect("server", 'udp contains "by name"')

def test_a_file_beside_the_test_and_a_network_from_python(packetnet):
    assert packetnet("pair.yaml")["a"].addresses == ["10.0.0.1"]
    from packetlab import Network
    declared = Network("made")
    declared.host("x", "10.0.0.1/24"); declared.host("y", "10.0.0.2/24")
    declared.link("x", "y", delay="1ms")
    net = packetnet(declared)
    net.send("x", HELLO)
    net.expect("y", HELLO)
    net.expect("y", "tcp", absent=True, within=0.01)
"""

GREET = """
import socket

def greet(name, port):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.1)
        sock.connect((name, port))
        for _ in range(2):
            sock.send(b"hello")
            try:
                return sock.recv(100)
            except TimeoutError:
                continue
"""

FAILS = """
def test_field(packetnet):
    net = packetnet(PAIR)
    net.send("client", HELLO)
    net.expect("server", "udp.dstport == 53 and ip.src == 10.0.0.1", within=0.1)

def test_payload(packetnet):
    net = packetnet(PAIR)
    net.send("client", HELLO)
    net.expect("server", IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(src_port=9000, dst_port=7) / b"jello", within=0.1)

def test_header(packetnet):
    net = packetnet(PAIR)
    net.send("client", HELLO)
    net.expect("server", UDP(src_port=9000, dst_port=8), within=0.1)

def test_direction(packetnet):
    net = packetnet(PAIR)
    net.send("client", HELLO)
    net.expect("server", "udp && !icmp", direction="out", within=0.1)

def test_absent(packetnet):
    net = packetnet(PAIR)
    net.send("client", HELLO)
    net.expect("server", "udp", absent=True)

def test_nothing(packetnet):
    packetnet("hosts: {client: 10.0.0.1/24, server: 10.0.0.2/24}\\nlinks: [client -- server]").expect(
        "server", "udp", within=0.01)

def test_no_such_host(packetnet):
    packetnet(PAIR).expect("srever", "udp")

def test_no_such_field(packetnet):
    packetnet(PAIR).expect("server", "udp.porrt == 1")
"""

NO_NAMESPACES = """
import pytest

@pytest.fixture(autouse=True)
def forbidden(monkeypatch):
    from packetlab.model.errors import NamespaceError
    from packetlab.net import network
    def refuse():
        raise NamespaceError("cannot make a virtual network: forbidden", remedy="sudo sysctl allow=1")
    monkeypatch.setattr(network, "Namespaces", refuse)
"""

# Where packetlab is installed its entry point would load the plugin a second time, under another name.
OPTIONS = ("-p", "no:packetlab", "-p", "packetlab.net.pytest_plugin", "-p", "no:cacheprovider", "-q", "-n0")


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(packetlab.__file__).parents[1]))  # also where it is not installed


@pytest.fixture(scope="module")
def virtual_networks() -> None:
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")


@pytest.mark.usefixtures("virtual_networks")
def test_a_project_sends_and_expects_packets(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", pair="hosts: {a: 10.0.0.1/24, b: 10.0.0.2/24}\nlinks: [a -- b]\n")
    pytester.makepyfile(test_own=HEAD + PASSES, my_project=GREET)
    section = (ROOT / "README.md").read_text().partition("## Test your own network code")[2]
    pytester.makepyfile(test_readme=section.partition("```python\n")[2].partition("```")[0])
    result = pytester.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(passed=PASSES.count("def test_") + 1)


@pytest.mark.usefixtures("virtual_networks")
def test_a_failure_says_what_was_wanted_what_came_instead_and_in_which_field_they_differ(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(HEAD + FAILS)
    result = pytester.runpytest_subprocess(*OPTIONS)
    result.assert_outcomes(failed=FAILS.count("def test_"))
    text = result.stdout.str()
    for words in (
        "E       AssertionError: server did not see it within 0.1 s",
        "E       expected:    udp.dstport == 53 and ip.src == 10.0.0.1",
        "E       nearest:     UDP 9000 -> 7 len=5",
        "E       differs in:  udp.dstport == 53; it is 7",
        "E       differs in:  payload b'jello'; it is b'hello'",
        "E       differs in:  UDP.dst_port == 8; it is 7",
        "E       but:         it passed in the other direction, UDP 9000 -> 7 len=5",
        "E       AssertionError: server saw what should not come",
        "E       seen at server: nothing",
        "│── UDP len=5 ─────",
        "test_field.pcapng",
        "srever",
        "porrt",
    ):
        assert words in text
    shown = [line for line in text.splitlines() if line.startswith("E  ") and ".pcapng" not in line]
    assert max(map(len, shown)) <= 80
    assert "observed.py" not in text.partition("test_no_such_host")[0], "the reader sees his own line alone"


def test_where_namespaces_are_forbidden_tests_are_skipped_with_the_remedy_or_fail_where_they_are_required(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(NO_NAMESPACES)
    pytester.makepyfile(HEAD + "def test_it(packetnet): packetnet(PAIR)")
    result = pytester.runpytest_subprocess(*OPTIONS, "-rs")
    result.assert_outcomes(skipped=1)
    assert "cannot make a virtual network: forbidden; sudo sysctl allow=1" in " ".join(result.stdout.str().split())
    pytester.runpytest_subprocess(*OPTIONS, "--packetnet-required").assert_outcomes(failed=1)


def test_the_plugin_itself_imports_next_to_nothing() -> None:
    code = "import pytest, sys; before = set(sys.modules); import packetlab.net.pytest_plugin as plugin\n"
    code += "print(*sorted(name for name in set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) == {"packetlab", "packetlab.net", "packetlab.net.pytest_plugin"}
