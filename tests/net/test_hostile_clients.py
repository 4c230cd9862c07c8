"""Servers under fire: random and nearly right bytes, floods, loops. No exception escapes, no table grows for ever.

$PACKETLAB_FUZZ_SECONDS makes each of the fuzzed ones last longer than half a second.
"""

import os
import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from packetlab.application.dhcp import DHCP, DHCPMessageType, EndOfDHCPOptions, RequestedAddress
from packetlab.application.dns import DNS, query
from packetlab.model.packet import decapsulate
from packetlab.net.servers import (
    DHCPServer,
    DNSServer,
    HTTPServer,
    RecursiveServer,
    TCPEchoServer,
    UDPEchoServer,
    Zone,
)
from packetlab.net.servers.base import LOG_LIMIT, MAX_CONNECTIONS, Server
from packetlab.net.servers.behaviours import behaviours
from packetlab.net.servers.certificates import CertificateAuthority
from packetlab.net.servers.http import from_folder
from packetlab.net.servers.resolver import MAX_WAITING
from packetlab.net.servers.zones import read_zone, zone
from tests.net.test_servers import ThisMachine, free_port

SECONDS = float(os.environ.get("PACKETLAB_FUZZ_SECONDS", "0.5"))
HERE = "127.0.0.1"
ESCAPED = re.compile(r"\b[A-Z]\w*(Error|Exception|Warning)\(")
ZONE = "@ 60 IN SOA ns admin 1 2 3 4 5\nwww 60 IN A 10.0.0.1\n*.wild 60 IN CNAME www\nsub 60 IN NS ns.sub\n"


@pytest.fixture(autouse=True)
def no_exception_escapes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What goes wrong in a server is written to its log; here it is an error."""
    found: list[str] = []
    plain = Server.note_line

    def watched(self: Server, text: str) -> None:
        if ESCAPED.search(text):
            found.append(text)
        plain(self, text)

    monkeypatch.setattr(Server, "note_line", watched)
    yield
    assert not found, found[:3]


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Random bytes, or a sound message with some of its bytes changed, cut off, doubled."""
    if chance.random() < 0.2:
        return chance.randbytes(chance.randrange(0, 600))
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(0, 6)):
        at = chance.randrange(0, len(data) + 1)
        what = chance.randrange(4)
        if what == 0 and data:
            data[at % len(data)] = chance.randrange(256)
        elif what == 1:
            del data[at : at + chance.randrange(1, 20)]
        elif what == 2:
            data[at:at] = data[:at][-chance.randrange(1, 40) :]
        else:
            data[at:at] = chance.randbytes(chance.randrange(1, 8))
    return bytes(data)


def fire(port: int, seeds: list[bytes], kind: int, chance: random.Random) -> int:
    """Sends for SECONDS; how many messages or connections it were."""
    count, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.settimeout(2)
            try:
                sock.connect((HERE, port))
                for _ in range(chance.randrange(1, 4)):
                    sock.send(mutated(chance, seeds))
                    count += 1
                if kind == socket.SOCK_STREAM and chance.random() < 0.2:
                    sock.settimeout(0.01)
                    sock.recv(1000)
            except OSError:
                pass  # the server may hang up on nonsense
    return count


ASKED = (("www.shop.test", "A"), ("a.wild.shop.test", "ANY"), ("x.sub.shop.test", "AAAA"), ("shop.test", "SOA"))
QUERIES = [query(name, kind, identifier=7).encode() for name, kind in ASKED]
REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a%20b?x=1 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-5\r\nIf-None-Match: \"x\"\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\nIf-Modified-Since: x\r\n\r\n",
    b"GET /drip/9/0.1 HTTP/1.1\r\nHost: a\r\n\r\nGET /status/404 HTTP/1.0\r\n\r\n",
    b"GET /redirect/2 HTTP/1.1\r\nHost: a\r\n\r\nGET /header/99 HTTP/1.1\r\nHost: a\r\n\r\n",
]  # fmt: skip


def test_dns_over_udp() -> None:
    port, chance = free_port(socket.SOCK_DGRAM), random.Random(1)
    with DNSServer(ThisMachine(), read_zone(ZONE, "shop.test"), port=port) as server:
        assert fire(port, QUERIES, socket.SOCK_DGRAM, chance) > 50
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((HERE, port))
            assert until_calm(lambda: _answered(sock))  # the first ones may find the queue full
        assert server.is_running and len(server.log) <= LOG_LIMIT


def _answered(sock: socket.socket) -> bool:
    sock.send(QUERIES[0])
    time.sleep(0.05)
    try:
        return decapsulate(sock.recv(4096), DNS)[DNS].answer_count == 1
    except BlockingIOError:
        return False


def test_dns_over_tcp() -> None:
    port, chance = free_port(), random.Random(2)
    with DNSServer(ThisMachine(), read_zone(ZONE, "shop.test"), port=port) as server:
        framed = [len(one).to_bytes(2, "big") + one for one in QUERIES]
        assert fire(port, framed, socket.SOCK_STREAM, chance) > 50
        assert server.is_running
        assert until_calm(lambda: max(map(len, (server._tcp._unread, server._tcp._peers, server._tcp._open))) == 0)


def test_a_recursive_server_between_hostile_clients_and_hostile_servers() -> None:
    port, above, chance = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM), random.Random(3)

    class Liar(UDPEchoServer):
        """A root server that answers nonsense, made of the question."""

        def datagram(self, sock: socket.socket, data: bytes, peer: Any) -> None:
            answer = bytearray(data)
            answer[2] |= 0x80
            zone_there = Zone("").delegate("test", {"ns.test": HERE, "ns.other": "127.0.0.9"})
            made = DNSServer(ThisMachine(), zone_there).respond(decapsulate(data, DNS)[DNS]).encode()
            sock.sendto(mutated(chance, [made, bytes(answer)]), peer)

    with (
        Liar(ThisMachine(), above),
        RecursiveServer(ThisMachine(), [HERE], port=port, upstream_port=above) as server,
    ):
        fire(port, QUERIES, socket.SOCK_DGRAM, chance)
        assert server.is_running and server._waiting <= MAX_WAITING and len(server._cache) <= 1000
        ends = time.monotonic()
    assert time.monotonic() - ends < 1.5


def test_dhcp() -> None:
    port, chance = free_port(socket.SOCK_DGRAM), random.Random(4)
    asked = [
        DHCP(operation=1, client_mac=bytes([2, 0, 0, 0, 0, number]), options=(
            DHCPMessageType(message=kind), RequestedAddress(address="10.0.0.5"), EndOfDHCPOptions())).encode()
        for number, kind in enumerate((1, 3, 4, 7, 8, 3, 3))
    ]  # fmt: skip
    with DHCPServer(ThisMachine(), "10.0.0.0/24", address="10.0.0.1", first="10.0.0.5", last="10.0.0.20", port=port,
                    client_port=free_port(socket.SOCK_DGRAM)) as server:  # fmt: skip
        assert fire(port, asked, socket.SOCK_DGRAM, chance) > 50
        assert server.is_running and len(server.leases) <= 16 and len(server._declined) <= 16
        assert set(server.leases) <= set(server.pool)


def test_http(tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(b"x" * 100_000)
    for handler, seed in ((behaviours(), 5), (from_folder(tmp_path), 6)):
        port, chance = free_port(), random.Random(seed)
        with HTTPServer(ThisMachine(), port, handler) as server:
            assert fire(port, REQUESTS, socket.SOCK_STREAM, chance) > 50
            assert server.is_running and len(server._open) <= MAX_CONNECTIONS
            assert until_calm(lambda: {*server._talks} <= {*server._open} and {*server._timers} <= {*server._open})


def test_tls() -> None:
    port, chance = free_port(), random.Random(7)
    authority = CertificateAuthority()
    hello, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = authority.client_context().wrap_bio(hello, outgoing, server_hostname="a")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    greeting = outgoing.read()
    tls = authority.identity("a").server_context()
    with HTTPServer(ThisMachine(), port, behaviours(), tls=tls) as server:
        assert fire(port, [greeting], socket.SOCK_STREAM, chance) > 20
        assert server.is_running
        assert until_calm(lambda: not server._secured and not server._open)


def test_echo() -> None:
    port, chance = free_port(), random.Random(8)
    with TCPEchoServer(ThisMachine(), port) as stream, UDPEchoServer(ThisMachine(), port) as datagrams:
        fire(port, REQUESTS, socket.SOCK_STREAM, chance)
        fire(port, REQUESTS, socket.SOCK_DGRAM, chance)
        assert stream.is_running and datagrams.is_running
        assert until_calm(lambda: not stream._open)


def until_calm(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within some seconds: peers that went without a word are found out first."""
    end = time.monotonic() + 8
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


# -- loops and bounds


def test_two_echo_servers_cannot_be_made_to_talk_to_each_other() -> None:
    one, other = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    with UDPEchoServer(ThisMachine(), one) as first, UDPEchoServer(ThisMachine(), other) as second:
        # What a forger would send: a datagram that seems to come from the second server.
        second._listeners[0].sendto(b"loop", (HERE, one))
        assert until_calm(lambda: any("round for ever" in line for line in first.log))
        time.sleep(0.1)
        assert len(first.log) == 1 and not second.log
    with UDPEchoServer(ThisMachine(), one) as first, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((HERE, other))  # no echo server is there any more
        client.settimeout(5)
        client.sendto(b"hello", (HERE, one))
        assert client.recv(100) == b"hello"


def test_services_that_answer_everything_get_no_echo() -> None:
    sent: list[Any] = []

    class Sock:
        def sendto(self, data: bytes, peer: Any) -> None:
            sent.append(peer)

    server = UDPEchoServer(ThisMachine(), 7)
    for port in (7, 13, 17, 19, 37, 53, 5000):
        server.datagram(Sock(), b"x", ("10.0.0.1", port))  # type: ignore[arg-type]
    assert [port for _, port in sent] == [53, 5000]


def test_an_echo_to_somebody_who_does_not_read_is_bounded_and_others_are_served() -> None:
    port = free_port()
    with TCPEchoServer(ThisMachine(), port) as server, socket.create_connection((HERE, port)) as lazy:
        lazy.setblocking(False)
        sent, quiet = 0, 0
        while quiet < 20:
            try:
                sent += lazy.send(b"x" * 65536)
                quiet = 0
            except BlockingIOError:
                quiet += 1
                time.sleep(0.01)
        assert max(len(peer.unsent) for peer in server._open.values()) < 200_000
        with socket.create_connection((HERE, port), timeout=5) as other:
            other.sendall(b"still there?")
            assert other.recv(100) == b"still there?"
        lazy.settimeout(5)
        got = 0
        while got < sent:
            got += len(lazy.recv(1 << 20))
        assert got == sent


def test_a_client_that_closes_its_side_still_gets_all_that_it_sent_back() -> None:
    port = free_port()
    with TCPEchoServer(ThisMachine(), port), socket.create_connection((HERE, port), timeout=5) as sock:
        sock.sendall(b"x" * 30_000)
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while more := sock.recv(65535):
            got += more
        assert got == b"x" * 30_000


def test_a_peer_that_is_stuck_is_dropped_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packetlab.net.servers.base.STUCK", 0.2)
    monkeypatch.setattr("packetlab.net.servers.base.SWEEP", 0.1)
    port = free_port()
    with HTTPServer(ThisMachine(), port, behaviours()) as server, socket.create_connection((HERE, port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n"
        lazy.sendall(request * 20)
        assert until_calm(lambda: not server._open)


def test_a_server_closes_every_socket_that_it_opened() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    port = free_port()
    for make in (lambda: HTTPServer(ThisMachine(), port, behaviours()), lambda: TCPEchoServer(ThisMachine(), port),
                 lambda: RecursiveServer(ThisMachine(), [HERE], port=port)):  # fmt: skip
        before = descriptors()
        for _ in range(3):
            with make():
                clients = [socket.create_connection((HERE, port)) for _ in range(5)]
            for client in clients:
                client.close()
        assert descriptors() == before


def test_a_port_that_is_taken_leaves_no_socket_open() -> None:
    port = free_port()
    with TCPEchoServer(ThisMachine(), port):
        before = len(list(Path("/proc/self/fd").iterdir()))
        for make in (TCPEchoServer, lambda host, port: RecursiveServer(host, [], port=port)):
            with pytest.raises(ValueError, match=f"port {port}"), make(ThisMachine(), port):
                pass
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_server_cannot_plant_what_is_not_its_own() -> None:
    """The servers of evil.test refer to the root, with an address of theirs: nobody believes it."""
    port, above = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    root = Zone("").delegate("evil.test", {"ns.evil.test": "127.0.0.2"})
    honest = zone({"www.good.test": "10.0.0.1"})
    lie = Zone("evil.test").add(*Zone("").delegate("good.test", {"ns.good.test": "127.0.0.2"}).records["good.test"])

    class Evil(DNSServer):
        def respond(self, asked: DNS) -> DNS:
            made = super().respond(asked)
            wrong = Zone("").delegate("good.test", {"ns.good.test": "127.0.0.2"})
            found = wrong.answer("www.good.test", 1)
            return made.replace(authoritative=0, answers=(), authorities=found.authorities, response_code=0,
                                additionals=found.additionals, answer_count=None, authority_count=None,
                                additional_count=None)  # fmt: skip

    class At(ThisMachine):
        def __init__(self, address: str) -> None:
            self.address = address

        def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
            if family == socket.AF_INET6:
                raise OSError("IPv4 only")
            return Bound(self.address, family, type)

    class Bound(socket.socket):
        def __init__(self, address: str, family: int, kind: int) -> None:
            super().__init__(family, kind)
            self._address = address

        def bind(self, address: Any) -> None:
            super().bind((self._address, address[1]))

    for record in Zone.of("", honest).records["www.good.test"]:
        root.add(record)
    with (
        DNSServer(At(HERE), root, port=above),
        Evil(At("127.0.0.2"), lie, port=above),
        RecursiveServer(ThisMachine(), [HERE], port=port, upstream_port=above) as server,
    ):
        answer = server.respond(query("x.evil.test", "A", identifier=1))
        assert answer.response_code == 2
        good: Any = server.respond(query("www.good.test", "A", identifier=1))
        assert [row.address for row in good.answers] == [bytes([10, 0, 0, 1])]


def test_dhcp_gives_a_client_one_address_and_never_those_of_others() -> None:
    server = DHCPServer(ThisMachine(), "10.0.0.0/24", address="10.0.0.1", first="10.0.0.0", last="10.0.0.255",
                        router="10.0.0.2", reserved=["10.0.0.3", "fd00::1"])  # fmt: skip
    assert {bytes([10, 0, 0, last]) for last in (0, 1, 2, 3, 255)}.isdisjoint(server.pool) and len(server.pool) == 251

    def ask(message: int, address: str, mac: int = 1) -> DHCP | None:
        options = (DHCPMessageType(message=message), RequestedAddress(address=address), EndOfDHCPOptions())
        return server.answer(DHCP(operation=1, client_mac=bytes([2, 0, 0, 0, 0, mac]), options=options), now)

    now = 100.0
    for last in range(10, 20):
        ask(3, f"10.0.0.{last}")
    assert list(server.leases) == [bytes([10, 0, 0, 19])]
    ask(4, "10.0.0.19", mac=2)  # of somebody else: not believed
    assert len(server.leases) == 1 and not server._declined
    ask(4, "10.0.0.19")
    assert not server.leases
    assert (refused := ask(3, "10.0.0.19")) is not None and refused.message == 6
    now += 1000
    assert (given := ask(3, "10.0.0.19")) is not None and given.message == 5
