"""NAT by the kernel, without the nft program: what the outside sees, and what gets in."""

import json
import socket
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packetlab.model.errors import NamespaceError, UsageError
from packetlab.net import Network
from packetlab.wire.conntrack import Way, parse_connection
from tests.conftest import missing

HOME = """
hosts:
  laptop: 192.168.1.2/24 via 192.168.1.1
  server: 203.0.113.80/24
nat:
  box: {home: 192.168.1.1/24, server: 203.0.113.2/24, outside: server,
        forward: [tcp 8080 -> 192.168.1.2:80, "udp 5353 -> 192.168.1.2:53"]}
switches: [home]
links: [laptop -- home -- box]
"""


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    try:
        network = Network.from_spec(HOME).start()
    except NamespaceError as error:
        missing(str(error))
    with network:
        yield network


def test_the_outside_sees_the_address_of_the_box(net: Network) -> None:
    with net["server"].socket() as listener, net["laptop"].socket() as client:
        listener.settimeout(3)
        client.settimeout(3)
        listener.bind(("", 80))
        listener.listen()
        client.connect(("203.0.113.80", 80))
        connection, peer = listener.accept()
        with connection:
            assert peer[0] == "203.0.113.2"
            connection.sendall(b"back through the box")
            assert client.recv(100) == b"back through the box"


def test_a_forwarded_port_reaches_the_inside_and_others_do_not(net: Network) -> None:
    with net["laptop"].socket() as listener, net["server"].socket() as client, net["server"].socket() as other:
        listener.settimeout(3)
        client.settimeout(3)
        listener.bind(("", 80))
        listener.listen()
        client.connect(("203.0.113.2", 8080))
        connection, peer = listener.accept()
        connection.close()
        assert peer[0] == "203.0.113.80"
        with pytest.raises(ConnectionRefusedError):
            other.connect(("203.0.113.2", 8081))


def test_a_forwarded_datagram_is_answered_from_the_outside_address(net: Network) -> None:
    with net["laptop"].socket(type=socket.SOCK_DGRAM) as inside, net["server"].socket(type=socket.SOCK_DGRAM) as outer:
        inside.settimeout(3)
        outer.settimeout(3)
        inside.bind(("", 53))
        outer.sendto(b"?", ("203.0.113.2", 5353))
        data, peer = inside.recvfrom(10)
        inside.sendto(b"!", peer)
        assert (data, *outer.recvfrom(10)) == (b"?", b"!", ("203.0.113.2", 5353))


def test_the_table_of_the_box_shows_what_was_translated_and_for_whom(net: Network) -> None:
    with net["laptop"].socket(type=socket.SOCK_DGRAM) as client, net["server"].socket(type=socket.SOCK_DGRAM) as server:
        client.settimeout(3)
        server.settimeout(3)
        client.bind(("", 5000))
        server.bind(("", 53))
        client.sendto(b"?", ("203.0.113.80", 53))
        wanted = Way("192.168.1.2", 5000, "203.0.113.80", 53), Way("203.0.113.80", 53, "203.0.113.2", 5000)
        peer = server.recvfrom(10)[1]
        row = next(one for one in net["box"].connections() if (one.first, one.reply) == wanted)
        assert (row.protocol, row.state, row.translated) == ("udp", "no reply yet", True)
        server.sendto(b"!", peer)
        client.recv(10)
        row = next(one for one in net["box"].connections() if (one.first, one.reply) == wanted)
        assert row.state == "replied" and 0 < row.seconds <= 180
    assert net["server"].connections() == []


def test_the_table_is_there_for_people_and_for_programs(net: Network) -> None:
    with net["laptop"].socket(type=socket.SOCK_DGRAM) as client:
        client.bind(("", 5001))
        client.sendto(b"?", ("203.0.113.80", 54))
    command = [sys.executable, "-m", "packetlab.cli.main", "interfaces", "--connections"]
    done = net["box"].run(command)
    assert done.returncode == 0 and "192.168.1.2:5001 -> 203.0.113.80:54" in done.stdout
    rows = json.loads(net["box"].run([*command, "--json"]).stdout)["connections"]
    assert any(row["first"]["source_port"] == 5001 and row["translated"] for row in rows)
    assert net["server"].run(command).returncode == 1


@given(st.binary(max_size=200))
def test_rows_that_make_no_sense_are_left_out(body: bytes) -> None:
    parse_connection(body)


def test_a_box_without_an_outside_is_refused() -> None:
    with pytest.raises(UsageError, match="which side is outside"):
        Network.from_spec("hosts: {a: 10.0.0.1/24}\nnat: {n: {a: 10.0.0.2/24}}")
