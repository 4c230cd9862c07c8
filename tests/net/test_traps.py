"""The traps of virtual networks, each with the test that fails without its cure (settings.py, links.py, diagnosis.py).

Others have theirs beside what they are about: offloads, the first packet and silence in test_network.py, padding and
the check sequence in test_wire.py, the loop that opens in test_spanning_tree.py, unmodified nginx in
test_real_programs.py.
"""

import errno
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.net import Network
from packetlab.net.diagnosis import why_not
from packetlab.net.process import PIPE
from packetlab.transport.udp import UDP
from tests.conftest import OrdinaryUser

SWITCHED = """
hosts: {a: 10.0.0.1/24 fd00::1/64, b: 10.0.0.2/24 fd00::2/64}
switches: [s]
links: [a -- s -- b]
"""


@pytest.fixture
def net() -> Iterator[Network]:
    with Network.from_spec(SWITCHED) as made:
        yield made


# ---------------------------------------------------------------- what is on the wire


@pytest.mark.parametrize(
    "wrong", [{"checksum": 1}, {"total_length": 1000}, {"total_length": 19}, {"version": 5}, {"header_length": 4}]
)
def test_a_switch_does_not_look_into_the_packets_that_it_carries(net: Network, wrong: dict[str, Any]) -> None:
    """With br_netfilter it would drop these."""
    frame = Ethernet(dst=net["b"].mac(), src=net["a"].mac()) / IPv4(src="10.0.0.1", dst="10.0.0.2", **wrong)
    data = (frame / UDP(src_port=9, dst_port=9) / b"marked").encapsulate()
    with (
        net["b"].socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as sniffer,
        net["a"].socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender,
    ):
        sniffer.settimeout(15)
        sender.bind(("eth0", 0))
        sender.send(data)
        assert sniffer.recv(2000) == data


def test_addresses_work_at_once_and_no_frame_asks_whether_they_are_free(net: Network) -> None:
    with net["a"].socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("fd00::1", 0))  # an address on trial cannot be bound
    local = next(address for address in net["a"].interfaces()[1].addresses if str(address).startswith("fe80"))
    with net["a"].socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind((str(local).split("/")[0], 0, 0, net["a"].port().index))


def test_both_ends_of_every_cable_have_an_index_of_their_own(net: Network) -> None:
    """The kernel tells the carrier of a cable with twice the same index up to a second late."""
    indexes = [port.index for pair in net.topology.ports() for port in pair]
    assert len({*indexes}) == len(indexes)
    assert [port.index for host in net for port in host.ports] == [
        one.index for host in net for one in host.interfaces() if one.name.startswith(("eth", "port"))
    ]


@pytest.fixture(scope="module")
def routed() -> Iterator[Network]:
    with Network.from_spec("""
        hosts: {a: 10.0.1.2/24 fd01::2/64, b: 10.0.2.2/24 fd02::2/64}
        routers: {r: {a: 10.0.1.1/24 fd01::1/64, b: 10.0.2.1/24 fd02::1/64}}
        links: [a -- r -- b]
    """) as made:
        yield made


@pytest.mark.parametrize(
    ("node", "setting", "value"),
    [
        ("a", "net.ipv4.ip_forward", "0"),
        ("r", "net.ipv4.ip_forward", "1"),
        ("a", "net.ipv4.conf.eth0.rp_filter", "0"),
        ("r", "net.ipv4.conf.eth1.rp_filter", "0"),
        ("a", "net.ipv4.conf.all.rp_filter", "0"),
        ("a", "net.ipv4.conf.eth0.accept_source_route", "0"),
        ("a", "net.ipv4.conf.eth0.arp_ignore", "0"),
        ("a", "net.ipv4.conf.eth0.arp_announce", "0"),
        ("r", "net.ipv4.conf.eth0.send_redirects", "1"),
        ("r", "net.ipv4.icmp_ratelimit", "0"),
        ("a", "net.ipv6.conf.eth0.accept_dad", "0"),
        ("a", "net.ipv6.conf.eth0.dad_transmits", "0"),
        ("a", "net.ipv6.conf.eth0.router_solicitations", "0"),
        ("a", "net.ipv6.conf.eth0.accept_ra", "0"),
        ("a", "net.ipv6.icmp.ratelimit", "0"),
        ("a", "net.ipv6.conf.all.forwarding", "0"),
        ("r", "net.ipv6.conf.all.forwarding", "1"),
    ],
)
def test_a_node_does_not_take_over_how_the_machine_is_set(routed: Network, node: str, setting: str, value: str) -> None:
    """A new namespace copies such settings from the machine, where they may be any."""
    assert routed[node].get_sysctl(setting) == value


# ---------------------------------------------------------------- who may


@pytest.mark.parametrize(
    ("settings", "step", "number", "cause", "remedy"),
    [
        ({"user/max_user_namespaces": "0"}, "unshare", errno.ENOSPC, "allows no user namespaces",
         "sudo sysctl user.max_user_namespaces=15000"),
        ({"user/max_net_namespaces": "0"}, "network", errno.ENOSPC, "user.max_net_namespaces is 0",
         "sudo sysctl user.max_net_namespaces=15000"),
        ({}, "network", errno.ENOSPC, "used up or nesting", "user.max_net_namespaces"),
        ({"kernel/unprivileged_userns_clone": "0"}, "unshare", errno.EPERM, "unprivileged_userns_clone is 0",
         "sudo sysctl kernel.unprivileged_userns_clone=1"),
        # Ubuntu 24.04: the namespace is made, and its power is gone. It is the mount that fails, or the link.
        ({"kernel/apparmor_restrict_unprivileged_userns": "1"}, "mount", errno.EACCES, "AppArmor",
         "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
        ({"kernel/apparmor_restrict_unprivileged_userns": "1"}, "link", 0, "AppArmor",
         "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
        ({"container": "1"}, "unshare", errno.EPERM, "a container's seccomp filter",
         "--security-opt seccomp=unconfined"),
        ({"seccomp": "1"}, "unshare", errno.EPERM, "a container's seccomp filter", "--security-opt seccomp=unconfined"),
        ({}, "unshare", errno.EINVAL, "lacks a kind of namespace", "CONFIG_USER_NS"),
        ({}, "unshare", errno.EPERM, "unshare: Operation not permitted", "allow user namespaces for ordinary users"),
    ],
)  # fmt: skip
def test_what_forbids_networks_is_named_with_the_command_that_changes_it(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], step: str, number: int, cause: str, remedy: str
) -> None:
    monkeypatch.setattr("packetlab.net.diagnosis._setting", lambda path: settings.get(path, ""))
    monkeypatch.setattr("packetlab.net.diagnosis._in_container", lambda: "container" in settings)
    monkeypatch.setattr("packetlab.net.diagnosis._seccomp", lambda: "seccomp" in settings)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    error = why_not(step, number)
    assert cause in str(error) and remedy in error.remedy and error.exit_code == 3


def test_a_network_is_built_from_a_process_with_many_threads() -> None:
    """A user namespace can only be made by a process with one: the holder is that process."""
    ended, names = threading.Event(), []
    others = [threading.Thread(target=ended.wait, args=(60,)) for _ in range(8)]
    for other in others:
        other.start()
    builder = threading.Thread(target=lambda: names.append(_host_name()))
    builder.start()
    builder.join(60)
    ended.set()
    for other in others:
        other.join()
    assert names == ["a"]


def _host_name() -> str:
    with Network.from_spec(SWITCHED) as net:
        return str(net["a"].run(["hostname"]).stdout.strip())


def test_commands_run_as_whoever_started_them_and_have_the_power_to_set_their_network_up(
    ordinary_user: OrdinaryUser,
) -> None:
    """Not as a uid 0 that only exists inside, with which unmodified tcpdump and nginx fail; ambient capabilities."""
    told = ordinary_user.call(_identity)
    assert told["uid"] != 0 and told["uid"] == told["outside"]
    assert told["power"] & 1 << 12, "CAP_NET_ADMIN"
    assert told["owner"] == told["outside"]


@pytest.mark.parametrize(("family", "protocol"), [(socket.AF_INET, socket.IPPROTO_ICMP),
                                                  (socket.AF_INET6, socket.IPPROTO_ICMPV6)])  # fmt: skip
def test_a_ping_needs_no_privilege_in_a_host(net: Network, family: int, protocol: int) -> None:
    """A new namespace lets nobody: not even root opens such a socket there."""
    net["a"].socket(family, socket.SOCK_DGRAM, protocol).close()


def _identity() -> dict[str, int]:
    script = ("import os, sys\nstatus = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
              "print(os.getuid(), int(status['CapEff'], 16), os.stat(0).st_uid)")  # fmt: skip
    with Network.from_spec(SWITCHED) as net, tempfile.TemporaryFile() as file:
        process = net["a"].popen([sys.executable, "-I", "-S", "-c", script], stdin=file, stdout=PIPE)
        uid, power, owner = map(int, process.communicate()[0].split())
    return {"uid": uid, "power": power, "owner": owner, "outside": os.getuid()}
