"""`packetlab ping` between kernel hosts; tshark and ping itself say whether it is right."""

import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from packetlab.model.errors import PrivilegeError, UnreachableError, UsageError
from packetlab.net import Network
from packetlab.net.process import PIPE
from packetlab.wire.verbs.ping import ping
from tests.cli.live import CLIENT, FAR, FAR6, SERVER, SERVER6, as_json, network, packetlab, tshark

__all__ = ["network"]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_what_it_prints_was_on_the_wire(network: Network, address: str, tmp_path: Path) -> None:
    path = tmp_path / "ping.pcapng"
    done = packetlab(network["client"], "ping", address, "-c", "3", "-i", "0.05", "-s", "100", "-w", str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"108 bytes from {address}: seq=") == 3 and "3 sent, 3 received, 0% lost" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    name = "icmpv6.echo.sequence_number" if ":" in address else "icmp.seq"
    kinds = tshark(path, "icmpv6.type" if ":" in address else "icmp.type", name, select=name)
    asked, answered = ("128", "129") if ":" in address else ("8", "0")
    assert kinds == [[kind, str(number)] for number in (1, 2, 3) for kind in (asked, answered)]


def test_the_kernel_of_the_other_host_saw_what_we_say_we_sent(network: Network) -> None:
    before = counter(network, "InEchos")
    found = as_json(network["client"], "ping", SERVER, "-c", "5", "-i", "0.01")
    assert found["sent"] == found["received"] == counter(network, "InEchos") - before == 5


def counter(network: Network, name: str) -> int:
    rows = [line.split() for line in network["server"].run(["cat", "/proc/net/snmp"]).stdout.splitlines()]
    names, values = [row for row in rows if row[0] == "Icmp:"]
    return int(values[names.index(name)])


@pytest.mark.parametrize(("address", "router"), [(FAR, "10.0.1.254"), (FAR6, "fd00:1::")])
def test_a_ttl_that_runs_out_is_explained_with_the_router_that_said_so(
    network: Network, address: str, router: str
) -> None:
    done = packetlab(network["client"], "ping", address, "-c", "1", "--ttl", "1")
    assert done.returncode == 1
    assert router in done.stdout and "time exceeded" in done.stdout and "1 ICMP error" in done.stdout


def test_an_address_beyond_the_router_that_nobody_has_is_explained(network: Network) -> None:
    done = packetlab(network["client"], "ping", "10.0.9.9", "-c", "4", "-i", "0.5")
    # Kernels send such errors to one host about once a second, and others went to it before.
    assert done.returncode == 1 and "no router knows a way" in done.stdout


def test_silence_is_a_loss_and_no_error(network: Network) -> None:
    done = packetlab(network["client"], "ping", "10.0.1.99", "-c", "1", "-W", "0.2")
    assert done.returncode == 1 and "no reply in time" in done.stdout and "100% lost" in done.stdout


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_request_larger_than_the_link_goes_in_fragments(network: Network, address: str) -> None:
    found = as_json(network["client"], "ping", address, "-c", "1", "-s", "4000")
    assert found["received"] == 1


def test_with_df_a_request_larger_than_the_link_is_refused_in_one_sentence(network: Network) -> None:
    done = packetlab(network["client"], "ping", SERVER, "-c", "1", "-s", "1473", "--df")
    assert done.returncode == 1 and "do not fit" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_ends_it_with_the_summary(network: Network) -> None:
    command = [sys.executable, "-m", "packetlab.cli.main", "ping", SERVER, "-i", "0.05"]
    with network["client"].popen(command, stdout=PIPE, stderr=PIPE) as process:
        time.sleep(1.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(b"", 10)
    assert b"received, 0% lost" in out and err == b"" and process.returncode == 0


def test_a_flood_is_for_labs_only_and_runs_in_one(network: Network) -> None:
    found = as_json(network["client"], "ping", SERVER, "-c", "500", "--flood")
    assert found["received"] == 500
    with pytest.raises(UsageError, match="virtual network"):
        ping("127.0.0.1", flood=True)


@pytest.mark.parametrize(("address", "family"), [(SERVER, 4), (SERVER6, 6)])
def test_without_privilege_the_icmp_socket_of_the_kernel_does_it(network: Network, address: str, family: int) -> None:
    """A host object that refuses raw sockets, as the kernel does for an ordinary user."""
    import os
    import socket

    client = network["client"]
    client.set_sysctl("net.ipv4.ping_group_range", f"{os.getgid()}\t{os.getgid()}")

    class Unprivileged:
        name = "client"
        may_echo = True

        def socket(self, family: int, type: int, proto: int = 0) -> Any:  # noqa: A002
            if family != socket.AF_NETLINK and (type == socket.SOCK_RAW or (proto and not self.may_echo)):
                raise PermissionError(1, "Operation not permitted")
            return client.socket(family, type, proto)

    result = ping(address, count=2, interval=0.02, via=Unprivileged())
    assert result.statistics.received == 2 and not result.exact and result.clock.startswith("kernel")
    expired = ping(FAR if family == 4 else FAR6, count=1, ttl=1, via=Unprivileged())
    assert expired.statistics.errors == 1 and expired.statistics.received == 0
    forbidden = Unprivileged()
    forbidden.may_echo = False
    with pytest.raises(PrivilegeError, match="ping_group_range") as caught:
        ping(address, count=1, via=forbidden)
    assert "sudo" in caught.value.remedy and "packetlab demo" in caught.value.remedy


def test_errors_of_the_caller_are_one_sentence_with_a_remedy(network: Network) -> None:
    for arguments, code, words in (
        (("nosuchhost",), 1, "nosuchhost could not be looked up"),
        ((SERVER, "-6"), 1, "IPv4 address, and IPv6"),
        ((SERVER, "-I", "eth7"), 2, "eth7"),
        ((SERVER, "-c", "0"), 2, "0"),
        ((SERVER, "-s", "99999"), 2, "99999"),
        (("fe80::1",), 1, "link-local"),
    ):
        done = packetlab(network["client"], "ping", *arguments)
        assert done.returncode == code and words in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_host_without_a_route_says_so() -> None:
    from tests.cli.live import build

    for other in build():
        with pytest.raises(UnreachableError, match="no route"):
            ping("192.0.2.1", count=1, via=other["switch"])


def test_a_link_local_address_needs_its_link_and_works_with_it(network: Network) -> None:
    address = next(
        str(each).partition("/")[0] for one in network["server"].interfaces() for each in one.addresses
        if each.address[:2] == b"\xfe\x80"
    )  # fmt: skip
    found = as_json(network["client"], "ping", f"{address}%eth0", "-c", "1")
    assert found["received"] == 1


@pytest.mark.needs("ping")
@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_its_median_rtt_is_within_one_and_a_half_times_that_of_iputils(network: Network, address: str) -> None:
    import re

    # Below 20 ms between requests iputils does not sleep but polls, which would compare another thing.
    ratios = []
    for _ in range(5):
        ours = statistics.median(ping(address, count=30, interval=0.02, via=network["client"]).statistics.rtts)
        out = network["client"].run(["ping", "-c", "30", "-i", "0.02", address]).stdout
        theirs = statistics.median(float(each) * 1e6 for each in re.findall(r"time=([\d.]+)", out))
        ratios.append(ours / max(theirs, 1000.0))
        if min(ratios) <= 1.5:
            return
    raise AssertionError(f"medians {ratios} times those of ping")


def test_one_host_can_ask_itself(network: Network) -> None:
    found = as_json(network["client"], "ping", CLIENT, "-c", "1")
    assert found["received"] == 1 and found["duplicates"] == 0 and found["interface"] == "lo"
