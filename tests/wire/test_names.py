"""Names given to a host of a virtual network: those of its network, then what its DNS servers say."""

from collections.abc import Iterator

import pytest

from packetlab.model.addresses import ip_text
from packetlab.model.errors import UnreachableError
from packetlab.net import Network
from packetlab.net.servers import DNSServer, HTTPServer
from packetlab.net.servers.dns import zone
from packetlab.net.servers.http import Response
from packetlab.wire.resolve import resolve
from packetlab.wire.verbs.http import http
from packetlab.wire.verbs.ping import ping
from packetlab.wire.verbs.tcp import tcp
from tests.cli.live import SERVER, SERVER6, network

__all__ = ["network"]


@pytest.fixture(scope="module")
def served(network: Network) -> Iterator[Network]:
    names = zone({"www.lab.test": [SERVER, SERVER6], "four.lab.test": [SERVER], "web.lab.test": "www.lab.test"})
    with DNSServer(network["server"], names), HTTPServer(network["server"], 80, lambda _: Response(b"the page\n")):
        network["client"].set_resolver(SERVER)
        yield network


@pytest.mark.parametrize(("name", "family", "address"), [
    ("server", 0, SERVER6), ("server", 4, SERVER), ("www.lab.test", 0, SERVER6), ("www.lab.test", 4, SERVER),
    ("four.lab.test", 0, SERVER), ("web.lab.test", 6, SERVER6), ("localhost", 4, "127.0.0.1"),
])  # fmt: skip
def test_a_name_is_that_of_the_network_or_asked_of_its_servers(
    served: Network, name: str, family: int, address: str
) -> None:
    target = resolve(name, family=family, via=served["client"])
    assert ip_text(target.address) == address and target.name == name
    assert bool(target.others) == (not family and name != "four.lab.test")


@pytest.mark.parametrize(("name", "family", "words"), [
    ("none.lab.test", 0, "is unknown"), ("none.lab.test", 6, "is unknown"), ("four.lab.test", 6, "no IPv6 address"),
])  # fmt: skip
def test_what_a_name_does_not_stand_for_is_said(served: Network, name: str, family: int, words: str) -> None:
    with pytest.raises(UnreachableError, match=words):
        resolve(name, family=family, via=served["client"])


def test_a_host_without_servers_knows_the_names_of_its_network_alone(served: Network) -> None:
    assert ip_text(resolve("server", via=served["far"], family=4).address) == SERVER
    with pytest.raises(UnreachableError, match="is unknown"):
        resolve("www.lab.test", via=served["far"])


def test_verbs_take_such_names(served: Network) -> None:
    client = served["client"]
    assert http("http://www.lab.test/", via=client, timeout=20).response.body == b"the page\n"
    assert ping("server", via=client, count=1, timeout=20).ok
    assert tcp("www.lab.test", 80, b"GET / HTTP/1.0\r\n\r\n", via=client, timeout=20).received > 0
