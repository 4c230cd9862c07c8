"""`packetlab handshake` against kernel hosts; tshark sees a normal connection and no reset of the kernel's."""

import sys
from pathlib import Path

import pytest

from packetlab.net import Network
from packetlab.net.servers import TCPEchoServer
from tests.cli.live import SERVER, SERVER6, as_json, network, packetlab, tshark
from tests.conftest import OrdinaryUser

__all__ = ["network"]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_an_open_port_is_opened_and_closed_without_a_reset(network: Network, address: str, tmp_path: Path) -> None:
    path = tmp_path / "handshake.pcapng"
    with TCPEchoServer(network["server"], 7):
        done = packetlab(network["client"], "handshake", address, "7", "-w", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "port 7: open" in done.stdout and "closed by FIN in both directions" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80
    rows = tshark(path, "tcp.flags.str", "tcp.checksum.status", select="tcp")
    flags = [row[0].replace("·", "") for row in rows]
    assert flags[:3] == ["S", "AS", "A"] and flags.count("AF") == 2 and not any("R" in each for each in flags)


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_closed_port_is_told_from_an_open_one(network: Network, address: str) -> None:
    with TCPEchoServer(network["server"], 7):
        found = as_json(network["client"], "handshake", address, "7,8", code=1)
    assert {port["port"]: port["state"] for port in found["ports"]} == {7: "open", 8: "closed"}


def test_a_host_that_is_not_there_is_filtered_by_silence_or_by_icmp(network: Network) -> None:
    done = packetlab(network["client"], "handshake", "10.0.1.77", "80", "-W", "0.1", "--retries", "1")
    assert done.returncode == 1 and "filtered" in done.stdout and "2 SYNs" in done.stdout
    done = packetlab(network["client"], "handshake", "10.0.9.9", "80", "-W", "0.6", "--retries", "3")
    assert done.returncode == 1 and "no router knows a way" in done.stdout


def test_a_hundred_ports_are_asked_at_once(network: Network) -> None:
    with TCPEchoServer(network["server"], 7):
        found = as_json(network["client"], "handshake", SERVER, "1-200", code=1)
    states = [port["state"] for port in found["ports"]]
    assert len(states) == 200 and states.count("open") == 1 and states.count("closed") == 199


def test_a_connection_can_be_ended_by_reset(network: Network) -> None:
    with TCPEchoServer(network["server"], 7):
        found = as_json(network["client"], "handshake", SERVER, "7", "--rst")
    assert found["ports"][0]["ending"] == "we reset it"


def test_wrong_ports_are_refused(network: Network) -> None:
    for port in ("0", "70000", "http", "9-2", "1-"):
        done = packetlab(network["client"], "handshake", SERVER, port)
        assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_missing_privilege_is_code_3_with_the_ways_to_get_it(network: Network) -> None:
    from packetlab.model.errors import PrivilegeError
    from packetlab.wire.verbs.handshake import handshake

    class Unprivileged:
        name = "client"

        def socket(self, family: int, type: int, proto: int = 0):  # type: ignore[no-untyped-def]  # noqa: A002
            import socket

            if type == socket.SOCK_RAW and family != socket.AF_NETLINK:
                raise PermissionError(1, "Operation not permitted")
            return network["client"].socket(family, type, proto)

    with pytest.raises(PrivilegeError) as caught:
        handshake(SERVER, 80, via=Unprivileged())
    assert caught.value.exit_code == 3
    assert all(word in caught.value.remedy for word in ("packetlab demo", "setcap", "sudo"))


def test_an_ordinary_user_gets_code_3_and_no_traceback(ordinary_user: OrdinaryUser) -> None:
    for arguments in (("handshake", "127.0.0.1", "1"), ("ping", "127.0.0.1", "-c", "1", "-w", "/dev/null")):
        done = ordinary_user.run([sys.executable, "-m", "packetlab.cli.main", *arguments])
        assert done.returncode == 3, done.stderr
        assert "CAP_NET_RAW" in done.stderr and "setcap" in done.stderr and "Traceback" not in done.stderr
