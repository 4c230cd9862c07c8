"""`udp -w` and `dns -w`: what was sent and came back, the ICMP errors and the fragments, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from packetlab.net import Network
from packetlab.net.servers import DNSServer, UDPEchoServer
from packetlab.net.servers.dns import zone
from tests.cli.live import FAR, SERVER, SERVER6, network, packetlab, tshark

__all__ = ["network"]
pytestmark = pytest.mark.needs("tshark")


@pytest.fixture(scope="module")
def served(network: Network) -> Iterator[Network]:
    names = zone({"www.lab.test": [SERVER], "many.lab.test": [f"10.9.{n // 250}.{n % 250}" for n in range(400)]})
    with DNSServer(network["server"], names), UDPEchoServer(network["server"], 7):
        yield network


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_datagram_in_fragments_and_its_reply_are_recorded_whole(
    served: Network, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "one.pcapng"
    done = packetlab(served["client"], "udp", address, "7", "--size", "3000", "-W", "20", "-w", str(path))
    assert done.returncode == 0, done.stderr
    assert tshark(path, "udp.length").count(["3008"]) == 2
    assert len(tshark(path, "frame.number", select="ip.flags.mf == 1 || ip.frag_offset > 0 || ipv6.fraghdr")) == 6


def test_an_error_of_a_router_is_recorded_with_what_it_is_about(served: Network, tmp_path: Path) -> None:
    path = tmp_path / "error.pcapng"
    packetlab(served["client"], "udp", FAR, "9", "--ttl", "1", "-W", "20", "-w", str(path))
    assert tshark(path, "icmp.type") == [[""], ["11"]]
    served["router"].run(["ip", "route", "add", "prohibit", "10.0.8.0/24"], check=True)
    packetlab(served["client"], "tcp", "10.0.8.1", "9", "-W", "20", "-w", str(path))
    assert tshark(path, "icmp.type")[-1] == ["3"]


def test_all_datagrams_of_a_series_are_recorded_and_none_of_others(served: Network, tmp_path: Path) -> None:
    path = tmp_path / "series.pcapng"
    done = packetlab(served["client"], "udp", SERVER, "7", "x", "-c", "600", "-W", "20", "-w", str(path))
    assert "600 came back" in done.stdout
    assert [len(tshark(path, "frame.number", select=f"udp.{way} == 7")) for way in ("dstport", "srcport")] == [600, 600]
    assert len(tshark(path, "frame.number")) == 1200


def test_a_question_is_recorded_also_where_tcp_had_to_help(served: Network, tmp_path: Path) -> None:
    path = tmp_path / "dns.pcapng"
    assert packetlab(served["client"], "dns", "www.lab.test", f"@{SERVER}", "-w", str(path)).returncode == 0
    assert tshark(path, "dns.flags.response", "dns.qry.name") == [["0", "www.lab.test"], ["1", "www.lab.test"]]
    done = packetlab(served["client"], "dns", "many.lab.test", f"@{SERVER}", "-W", "20", "-w", str(path))
    assert "over TCP" in done.stdout, done.stderr
    assert [len(tshark(path, "frame.number", select=f"dns && {kind}")) for kind in ("udp", "tcp")] == [2, 2]
    assert len(tshark(path, "frame.number", select="tcp.flags.fin == 1")) == 2


def test_listening_says_that_it_records_nothing(served: Network, tmp_path: Path) -> None:
    done = packetlab(served["client"], "udp", "--listen", "4000", "-w", str(tmp_path / "none.pcapng"))
    assert done.returncode == 2 and "packetlab capture" in done.stderr
