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
import asyncio, socket, sys, threading
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

def test_a_server_in_a_thread_that_is_started_inside_is_inside_for_all_its_life(packetnet):
    net = packetnet(PAIR)
    bound, asked = threading.Event(), threading.Event()
    def serve():
        with socket.create_server(("10.0.0.2", 80)) as listener:    # an address that this machine does not have
            bound.set()
            accepted, _ = listener.accept()
            asked.wait(15)
            with accepted, socket.create_server(("10.0.0.2", 81)):  # long after the block has been left
                accepted.sendall(b"81")
    with net.inside("server"):
        thread = threading.Thread(target=serve)
        thread.start()
    assert bound.wait(15)
    with net.inside("client"), socket.create_connection(("server", 80), timeout=15) as sock:
        asked.set()
        assert sock.recv(10) == b"81"
    thread.join(15)
    assert "start" in vars(threading.Thread) and "connect" not in vars(socket.socket)

def test_two_threads_may_enter_and_leave_at_the_same_time(packetnet):
    net = packetnet(PAIR)
    wrong = []
    def come_and_go(name, address):
        for _ in range(200):
            with net.inside(name):
                with socket.socket(type=socket.SOCK_DGRAM) as sock:
                    try:
                        sock.bind((address, 0))
                    except OSError as error:
                        wrong.append(error)
    threads = [threading.Thread(target=come_and_go, args=each) for each in
               (("client", "10.0.0.1"), ("server", "10.0.0.2")) * 2]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert not wrong and "connect" not in vars(socket.socket)

def test_asyncio_servers_and_clients_are_inside_with_their_tasks(packetnet):
    net = packetnet(PAIR)
    async def answer(reader, writer):
        writer.write((await reader.readline()).upper())
        writer.close()
    async def serve():
        with net.inside("server"):
            return await asyncio.start_server(answer, "10.0.0.2", 80)
    async def ask():
        with net.inside("client"):
            reader, writer = await asyncio.open_connection("server", 80)    # resolved by a thread of an executor
            writer.write(b"hello\\n")
            said = await reader.readline()
            writer.close()
            return said
    async def both():
        server = await asyncio.create_task(serve())
        said = await asyncio.gather(ask(), ask())
        server.close()
        return said
    assert asyncio.run(both()) == [b"HELLO\\n"] * 2

def test_no_look_up_of_a_name_leaves_the_network(packetnet):
    net = packetnet(PAIR)
    with net.inside("client"):
        assert socket.gethostname() == "client"
        assert socket.gethostbyname("server") == "10.0.0.2"
        assert socket.gethostbyname_ex("server") == ("server", [], ["10.0.0.2"])
        assert socket.gethostbyaddr("fd00::2")[0] == "server"
        assert socket.getnameinfo(("10.0.0.2", 80), 0) == ("server", "80")
        assert socket.getfqdn("10.0.0.2") == "server"
        for look_up in (socket.gethostbyname, socket.gethostbyname_ex, socket.gethostbyaddr):
            with pytest.raises(OSError, match="of this virtual network"):
                look_up("example.com")
            with pytest.raises(OSError, match="of this virtual network"):
                socket.gethostbyaddr("192.0.2.1")

def test_a_function_need_not_know_which_layers_a_packet_has(packetnet):
    net = packetnet(PAIR)
    net.send("client", HELLO)
    net.expect("server", lambda packet: packet[UDP].dst_port == 7)
    with pytest.raises(KeyError, match="mine"):
        net.send("client", HELLO)
        net.expect("server", lambda packet: {}["mine"])

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

def test_no_such_host_to_enter(packetnet):
    with packetnet(PAIR).inside("sevrer"): pass

def test_no_such_address(packetnet):
    packetnet("hosts:\\n  a: 10.0.0.400/24")

def test_nothing_that_can_be_sent(packetnet):
    packetnet(PAIR).send("client", "text")

def test_no_route(packetnet):
    packetnet(PAIR).send("client", IPv4(src="10.0.0.1", dst="10.9.0.2") / UDP(src_port=9, dst_port=8))

def test_text(packetnet):
    net = packetnet(PAIR)
    net.send("client", HELLO)
    net.expect("server", 'udp contains "jello"', within=0.1)

def test_no_such_field(packetnet):
    packetnet(PAIR).expect("server", "udp.porrt == 1")
"""

NO_NAMESPACES = """
import pytest

@pytest.fixture(autouse=True)
def forbidden(monkeypatch):
    from packetlab.model.errors import NamespaceError
    from packetlab.net import network
    def refuse(nodes):
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
        'udp contains "jello"; it is "#(......hello"',
        "there is no node 'sevrer'\nE       declared are: client, server",
        "topology, line 2: '10.0.0.400/24' is not an address with a prefix length\nE       as 10.0.1.2/24",
        "it is no packet, header or bytes\nE       it is 'text'",
        "cannot send to 10.9.0.2: no route leads there",
        "srever",
        "porrt",
    ):
        assert words in text
    shown = [line for line in text.splitlines() if line.startswith("E  ") and ".pcapng" not in line]
    assert max(map(len, shown)) <= 80
    assert "packetlab/net" not in text, "the reader sees his own line alone"


def test_where_namespaces_are_forbidden_tests_are_skipped_with_the_remedy_or_fail_where_they_are_required(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(NO_NAMESPACES)
    pytester.makepyfile(HEAD + "def test_it(packetnet): packetnet(PAIR)")
    result = pytester.runpytest_subprocess(*OPTIONS, "-rs")
    result.assert_outcomes(skipped=1)
    assert "cannot make a virtual network: forbidden; sudo sysctl allow=1" in " ".join(result.stdout.str().split())
    result = pytester.runpytest_subprocess(*OPTIONS, "--packetnet-required")
    result.assert_outcomes(failed=1)
    assert "another exception" not in result.stdout.str()


def test_the_plugin_itself_imports_next_to_nothing() -> None:
    code = "import pytest, sys; before = set(sys.modules); import packetlab.net.pytest_plugin as plugin\n"
    code += "print(*sorted(name for name in set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) == {"packetlab", "packetlab.net", "packetlab.net.pytest_plugin"}
