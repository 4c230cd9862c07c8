"""Virtual networks on the real kernel: what crosses them, what stays inside, what is left behind (nothing)."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from packetlab.model.errors import NamespaceError, PacketLabError, UsageError
from packetlab.net import Network, probe
from packetlab.net.diagnosis import why_not
from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]

TWO_NETWORKS = """
hosts:
  client: 10.0.1.2/24 fd00:1::2/64 via 10.0.1.1 fd00:1::1
  server: 10.0.2.2/24 fd00:2::2/64 via 10.0.2.1 fd00:2::1
  third: 10.0.2.3/24
routers:
  r: {left: 10.0.1.1/24 fd00:1::1/64, right: 10.0.2.1/24 fd00:2::1/64}
switches: [left]
hubs: [right]
links:
  - client -- left
  - right -- server
  - third -- right
"""


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    try:
        network = Network.from_spec(TWO_NETWORKS).start()
    except NamespaceError as error:
        missing(str(error))
    with network:
        yield network


def children_named(word: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and word.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.needs("ping")
@pytest.mark.parametrize("address", ["10.0.2.2", "fd00:2::2", "server"])
def test_an_unmodified_ping_crosses_switch_router_and_hub(net: Network, address: str) -> None:
    answer = net["client"].run(["ping", "-c1", "-W2", address])
    assert answer.returncode == 0, answer
    assert "ttl=63" in answer.stdout


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "10.0.2.2"), (socket.AF_INET6, "fd00:2::2")])
def test_plain_sockets_of_two_hosts_meet_in_one_process(net: Network, family: int, address: str) -> None:
    with net["server"].socket(family) as listener, net["client"].socket(family) as client:
        listener.settimeout(3)
        client.settimeout(3)
        listener.bind(("", 0))
        listener.listen()
        client.connect((address, listener.getsockname()[1]))
        with listener.accept()[0] as accepted:
            client.sendall(b"hello")
            assert accepted.recv(10) == b"hello"


@pytest.mark.parametrize(("wanted", "hears"), [("hub", True), ("switch", False)])
def test_a_third_host_hears_unicast_on_a_hub_and_not_on_a_switch(wanted: str, hears: bool) -> None:
    network = Network()
    getattr(network, wanted)("middle")
    for number in (1, 2, 3):
        network.host(f"h{number}", f"10.0.0.{number}/24")
        network.link(f"h{number}", "middle")
    with network, network["h3"].socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)) as sniffer:
        sniffer.settimeout(0.3)
        with network["h1"].socket(type=socket.SOCK_DGRAM) as one, network["h2"].socket(type=socket.SOCK_DGRAM) as two:
            two.bind(("", 7))
            two.settimeout(3)
            for _ in range(2):  # the first makes the switch learn
                one.sendto(b"to h2 alone", ("10.0.0.2", 7))
                _, peer = two.recvfrom(100)
                two.sendto(b"and back", peer)
                one.recv(100)
            one.sendto(b"the marked one", ("10.0.0.2", 7))
        heard = b""
        try:
            while b"marked" not in heard:
                heard = sniffer.recv(2000)
        except TimeoutError:
            pass
    assert (b"marked" in heard) is hears


def test_the_first_packet_after_the_build_arrives_every_time() -> None:
    for _ in range(10):
        network = Network()
        network.host("a", "10.0.0.1/24")
        network.host("b", "10.0.0.2/24")
        network.switch("sw")
        network.link("a", "sw", "b")
        with network, network["b"].socket(type=socket.SOCK_DGRAM) as server:
            server.bind(("", 7))
            server.settimeout(0.5)
            with network["a"].socket(type=socket.SOCK_DGRAM) as client:
                client.sendto(b"first", ("10.0.0.2", 7))
            assert server.recv(100) == b"first"


def test_no_captured_frame_is_larger_than_the_mtu_and_every_checksum_is_right(net: Network) -> None:
    server = net["server"]
    with server.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as sniffer, server.socket() as listener:
        sniffer.settimeout(0.2)
        listener.bind(("", 0))
        listener.listen()
        client = net["client"].socket()
        client.connect(("10.0.2.2", listener.getsockname()[1]))
        accepted = listener.accept()[0]
        with client, accepted:
            client.sendall(bytes(60_000))
            received = 0
            while received < 60_000:
                received += len(accepted.recv(65536))
        frames = []
        try:
            while True:
                frames.append(sniffer.recv(65536))
        except TimeoutError:
            pass
    segments = [frame for frame in frames if frame[23] == 6]
    assert len(segments) > 40
    assert max(map(len, segments)) <= 1514
    for frame in segments:
        packet = frame[14 : 14 + int.from_bytes(frame[16:18], "big")]
        pseudo = packet[12:20] + b"\0\6" + (len(packet) - 20).to_bytes(2, "big") + packet[20:]
        assert int.from_bytes(pseudo + bytes(len(pseudo) % 2), "big") % 0xFFFF == 0


def test_hosts_have_no_way_out_and_see_only_their_own_interfaces(net: Network) -> None:
    assert [interface.name for interface in net["third"].interfaces()] == ["lo", "eth0"]
    with net["third"].socket(type=socket.SOCK_DGRAM) as client, pytest.raises(OSError, match="unreachable"):
        client.connect(("192.0.2.1", 9))
    with pytest.raises(Exception, match="no route"):
        net["third"].route_to("192.0.2.1")


def test_ipv6_is_off_where_no_address_asks_for_it(net: Network) -> None:
    addresses = net["third"].interfaces()[1].addresses
    assert [str(address) for address in addresses] == ["10.0.2.3/24"]


def test_commands_see_the_hosts_name_files_and_input(net: Network) -> None:
    answer = net["client"].run(["sh", "-c", "hostname; cat; grep third /etc/hosts; id -u"], input="given\n")
    assert answer.stdout == f"client\ngiven\n10.0.2.3 third\n{os.geteuid()}\n"
    net["client"].set_resolver("10.0.2.53")
    assert net["client"].run(["cat", "/etc/resolv.conf"]).stdout == "nameserver 10.0.2.53\n"
    assert "10.0.2.53" not in net["server"].run(["cat", "/etc/resolv.conf"]).stdout
    assert "10.0.2.53" not in Path("/etc/resolv.conf").read_text()


def test_commands_know_that_they_are_inside_whatever_was_opened_before(net: Network) -> None:
    code = "from packetlab.wire.lab_only import in_lab; print(in_lab(None))"
    for name in ("client", "server"):
        net[name].socket(socket.AF_INET, socket.SOCK_DGRAM).close()
        assert net[name].run([sys.executable, "-c", code], check=True).stdout == "True\n"


def test_a_failing_a_missing_and_an_endless_command_are_told_apart(net: Network) -> None:
    host = net["client"]
    assert host.run(["sh", "-c", "exit 3"]).returncode == 3
    with pytest.raises(subprocess.CalledProcessError):
        host.run(["false"], check=True)
    with pytest.raises(UsageError, match="no such program"):
        host.run(["no-such-program-at-all"])
    with pytest.raises(subprocess.TimeoutExpired):
        host.run(["sleep", "60"], timeout=0.1)
    process = host.popen(["sleep", "60"])
    assert process.poll() is None
    process.terminate()
    assert process.wait(3) == -signal.SIGTERM


def test_output_larger_than_any_buffer_is_collected(net: Network) -> None:
    answer = net["client"].run(["sh", "-c", "cat; head -c 300000 /dev/zero >&2"], input="x" * 1_000_000)
    assert (len(answer.stdout), len(answer.stderr)) == (1_000_000, 300_000)


def test_output_without_end_is_an_error_and_not_the_end_of_memory(
    net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packetlab.net.process.MOST_OUTPUT", 1 << 20)
    with pytest.raises(PacketLabError, match="yes was ended as it printed more than 1 MiB"):
        net["client"].run(["yes"])
    assert net["client"].run(["sh", "-c", "for each in /proc/[0-9]*/comm; do read name < $each; echo $name; done"],
                             ).stdout.split().count("yes") == 0  # fmt: skip


@pytest.mark.parametrize(("limit", "message"), [((128, 4096), "up"), ((128, 128), "need 155 open files, and .* 128")])
def test_more_open_files_are_allowed_where_they_are_needed(limit: tuple[int, int], message: str) -> None:
    script = f"""if True:
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, {limit})
        from packetlab.net import Network
        net = Network()
        net.hub("hub")
        for number in range(8):
            net.host(f"h{{number}}", f"10.0.0.{{number + 1}}/24")
            net.link(f"h{{number}}", "hub")
        try:
            with net: print("up")
        except Exception as error: print(repr(error))"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment(), timeout=60)
    assert re.search(message, done.stdout), done


def test_a_late_answer_of_the_holder_is_not_taken_for_that_to_the_next_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("packetlab.net.namespaces._PATIENCE", 0.5)
    with Network.from_spec("hosts: {a: 10.0.0.1/24, b: 10.0.0.2/24}\nlinks: [a -- b]") as network:
        holder = int(Path(f"/proc/{network.pid}/task/{network.pid}/children").read_text().split()[0])
        os.kill(holder, signal.SIGSTOP)
        try:
            with pytest.raises(PacketLabError, match="does not answer: timed out"):
                network["a"].get_sysctl("net.ipv4.ip_forward")
            with pytest.raises(PacketLabError, match="does not answer: timed out"):
                network["a"].socket()
        finally:
            os.kill(holder, signal.SIGCONT)
        network._running()._socket.settimeout(15)
        files = len(list(Path("/proc/self/fd").iterdir()))
        assert network["a"].get_sysctl("net.ipv4.ping_group_range") != "0"
        assert len(list(Path("/proc/self/fd").iterdir())) == files


def test_sysctls_are_read_back(net: Network) -> None:
    net["client"].set_sysctl("net.ipv4.ip_default_ttl", 77)
    assert net["client"].get_sysctl("net.ipv4.ip_default_ttl") == "77"
    with pytest.raises(UsageError, match="cannot set"):
        net["client"].set_sysctl("net.ipv4.ip_default_ttl", 777)
    with pytest.raises(UsageError, match="no setting"):
        net["client"].set_sysctl("kernel.hostname", "x")


def test_addresses_macs_and_neighbours_are_what_was_declared(net: Network) -> None:
    client = net["client"]
    assert (client.addresses, client.mac()) == (["10.0.1.2", "fd00:1::2"], "02:00:00:00:01:01")
    route = client.route_to("10.0.2.2")
    assert (route.interface, route.gateway, route.source) == ("eth0", bytes([10, 0, 1, 1]), bytes([10, 0, 1, 2]))
    client.add_neighbour("10.0.1.9", "02:00:00:00:00:09")
    assert "10.0.1.9 02:00:00:00:00:09 permanent on eth0" in map(str, client.neighbours())


def test_a_pulled_cable_stops_and_a_plugged_one_works_again(net: Network) -> None:
    third = net["third"]
    third.set_link(False)
    assert not third.interfaces()[1].is_up
    third.set_link(True)
    assert third.interfaces()[1].is_up


def test_closing_kills_all_commands_and_twice_does_no_harm() -> None:
    network = Network()
    host = network.host("a", "10.0.0.1/24")
    network.host("b", "10.0.0.2/24")
    network.link("a", "b")
    network.start()
    before = network.pid
    process = host.popen(["sh", "-c", "sleep 987654 & setsid sleep 987654 & wait"])
    time.sleep(0.05)
    network.close()
    network.close()
    assert process.wait(3) == -9
    assert not children_named("987654") and not Path(f"/proc/{before}").exists()
    with pytest.raises(UsageError, match="not up"):
        host.socket()
    with network:  # and up again
        assert host.run(["true"]).returncode == 0


def test_two_networks_and_many_threads_do_not_meet(net: Network) -> None:
    results: list[int] = []

    def build(number: int) -> None:
        network = Network()
        network.host("a", "10.0.0.1/24")
        network.host("b", "10.0.0.2/24")
        network.link("a", "b")
        with network:
            answers = [network["a"].run(["true"]).returncode for _ in range(3)]
            results.append(sum(answers))

    threads = [threading.Thread(target=build, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 4
    assert net["client"].run(["true"]).returncode == 0


SCRIPT = """
import sys, time
from packetlab.net import Network
net = Network()
net.host("a", "10.0.0.1/24"); net.host("b", "10.0.0.2/24"); net.link("a", "b")
net.start()
net["a"].popen(["sh", "-c", "setsid sleep 876543 & sleep 876543"])
time.sleep(0.05)
print(net.pid, flush=True)
if "stay" in sys.argv: time.sleep(60)
print(net["a"].run(["id", "-u"]).stdout.strip())
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def test_kill_9_leaves_no_process_and_no_mount() -> None:
    mounts = Path("/proc/self/mounts").read_text()
    with subprocess.Popen([sys.executable, "-c", SCRIPT, "stay"], stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            missing("no network here")
        holder = int(line)
        assert children_named("876543")
        process.kill()
        process.wait()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and (children_named("876543") or _alive(holder)):
        time.sleep(0.01)
    assert not children_named("876543") and not _alive(holder)
    assert Path("/proc/self/mounts").read_text() == mounts


def _alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_an_ordinary_user_gets_the_same_network(ordinary_user) -> None:  # type: ignore[no-untyped-def]
    answer = ordinary_user.run([sys.executable, "-c", SCRIPT], env=environment())
    if "NamespaceError" in answer.stderr:
        missing(answer.stderr.splitlines()[-1])
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split()[1] == str(65534 if os.geteuid() == 0 else os.geteuid())


def test_probe_tries_and_names_what_works(net: Network) -> None:
    found = {capability.name: capability for capability in probe()}
    assert found["IPv4 between hosts"].works and found["packet capture"].works


def test_a_refusal_is_explained_with_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packetlab.net.diagnosis._setting", lambda path: "0" if "max_user" in path else "")
    assert "sysctl user.max_user_namespaces" in why_not("unshare", 28).remedy
    monkeypatch.setattr("packetlab.net.diagnosis._setting", lambda path: "1" if "apparmor" in path else "")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "apparmor_restrict_unprivileged_userns=0" in why_not("mount", 13).remedy


def test_sixty_four_hosts_are_up_in_well_under_some_seconds() -> None:
    network = Network()
    network.switch("sw")
    for number in range(1, 65):
        network.host(f"h{number}", f"10.0.0.{number}/24")
        network.link(f"h{number}", "sw")
    start = time.perf_counter()
    with network:
        assert time.perf_counter() - start < 5
        assert network["h64"].route_to("10.0.0.1").interface == "eth0"


@pytest.mark.parametrize("addresses", ["10.0.0.{}/24", "10.0.0.{}/24 fd00::{}/64"])
def test_a_network_at_rest_is_silent(addresses: str) -> None:
    network = Network()
    network.switch("sw")
    for number in (1, 2, 3):
        network.host(f"h{number}", *addresses.format(number, number).split())
        network.link(f"h{number}", "sw")
    with network, network["h3"].socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003)) as sniffer:
        if "fd00" in addresses:
            time.sleep(0.1)  # the reports with which IPv6 joins its multicast groups
            sniffer.setblocking(False)
            with pytest.raises(BlockingIOError):
                while True:
                    sniffer.recv(2000)
        sniffer.settimeout(1.2)
        with pytest.raises(TimeoutError):
            frame = sniffer.recv(2000)
            pytest.fail(frame.hex())


def test_a_machine_without_user_namespaces_gets_the_exact_fix() -> None:
    """The limit is one of the virtual host's own user namespace; packetlab runs in there, for real."""
    network = Network()
    network.host("a", "10.0.0.1/24")
    network.host("b", "10.0.0.2/24")
    network.link("a", "b")
    script = "from packetlab.net import probe\ntry: probe()\nexcept Exception as error: print(repr(error), error.remedy)"  # noqa: E501
    command = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -c "$1"'
    with network:
        answer = network["a"].run(["sh", "-c", command, sys.executable, script], env=environment())
    if "cannot create" in answer.stderr:
        missing(answer.stderr)
    assert "NamespaceError" in answer.stdout, answer
    assert "sudo sysctl user.max_user_namespaces=15000" in answer.stdout


def test_no_host_asks_again_by_itself_for_a_neighbour_that_it_knows(net: Network) -> None:
    """5 s after a packet to an old entry Linux would: a question that nobody who watches has caused."""
    for host in net.hosts:
        for port in host.ports:
            for family in ("ipv4", "ipv6") if port.has_ipv6 else ("ipv4",):
                assert host.get_sysctl(f"net.{family}.neigh.{port.name}.delay_first_probe_time") == "86400"


def test_a_link_local_address_can_be_a_gateway() -> None:
    with Network.from_spec("""
        hosts:
          a: fd01::2/64 via fe80::1
          b: fd02::2/64 via fe80::1
        routers:
          r: {a: fd01::1/64 fe80::1/64, b: fd02::1/64 fe80::1/64}
        links: [a -- r -- b]
    """) as net:
        assert net["a"].run(["ping", "-6", "-c1", "-W5", "b"]).returncode == 0
