"""The small servers, asked by clients that are not ours: sockets, http.client and h11-free curl."""

import http.client
import socket
from pathlib import Path

import pytest

from packetlab.model.errors import UsageError
from packetlab.net.servers import HTTPServer, TCPEchoServer, UDPEchoServer
from packetlab.net.servers.http import MAX_HEAD, Request, Response, from_folder, from_pages, json_response


class ThisMachine:
    """Loopback only: the sockets of the machine that runs the tests."""

    name = "this machine"

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        return socket.socket(family, type, proto)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody has, for TCP and UDP alike: a DNS server takes both."""
    other_kind = socket.SOCK_DGRAM if kind == socket.SOCK_STREAM else socket.SOCK_STREAM
    for _ in range(100):
        with socket.socket(socket.AF_INET, kind) as one, socket.socket(socket.AF_INET, other_kind) as other:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                other.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def answer(request: Request) -> Response:
    if request.target == "/chunks":
        return Response(chunks=(b"one ", b"two"))
    if request.target == "/json":
        return json_response({"body": request.body.decode(), "method": request.method})
    if request.target == "/fails":
        raise RuntimeError("on purpose")
    return from_pages({"/": "<h1>hello</h1>"})(request)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_tcp_echo_server_gives_every_byte_back(address: str) -> None:
    port = free_port()
    with TCPEchoServer(ThisMachine(), port), socket.create_connection((address, port), timeout=5) as sock:
        sock.sendall(b"x" * 50000)
        got = b""
        while len(got) < 50000:
            got += sock.recv(65535)
        assert got == b"x" * 50000


def test_the_udp_echo_server_gives_each_datagram_back_once() -> None:
    port = free_port(socket.SOCK_DGRAM)
    with UDPEchoServer(ThisMachine(), port), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(b"one", ("127.0.0.1", port))
        sock.sendto(b"", ("127.0.0.1", port))
        assert [sock.recv(100), sock.recv(100)] == [b"one", b""]


def test_the_http_server_keeps_a_connection_open_and_knows_its_pages() -> None:
    port = free_port()
    with HTTPServer(ThisMachine(), port, answer) as server:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        client.request("GET", "/")
        response = client.getresponse()
        assert (response.status, response.read()) == (200, b"<h1>hello</h1>")
        tag = response.headers["ETag"]
        client.request("GET", "/", headers={"If-None-Match": tag})
        response = client.getresponse()
        assert (response.status, response.read()) == (304, b"")
        client.request("GET", "/chunks")
        assert client.getresponse().read() == b"one two"
        client.request("POST", "/json", body="data")
        assert client.getresponse().read() == b'{"body": "data", "method": "POST"}'
        client.request("GET", "/fails")
        response = client.getresponse()
        assert (response.status, response.read()) == (500, b"the handler failed\n")
        client.request("HEAD", "/")
        assert client.getresponse().read() == b""
        client.request("GET", "/nowhere")
        assert client.getresponse().status == 404
        client.close()
        assert len({line.split()[0] for line in server.log}) == 2


def test_pipelined_requests_are_answered_in_order() -> None:
    port = free_port()
    with HTTPServer(ThisMachine(), port, answer), socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        got = b""
        while more := sock.recv(65535):
            got += more
    assert got.index(b"200 OK") < got.index(b"404 Not Found")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"GET /" + b"x" * (MAX_HEAD + 10), b"431"),
    ],
)
def test_a_request_that_is_wrong_or_too_large_is_refused_and_the_connection_closed(sent: bytes, status: bytes) -> None:
    port = free_port()
    with HTTPServer(ThisMachine(), port, answer), socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(sent)
        assert sock.recv(100).startswith(b"HTTP/1.1 " + status)
        while sock.recv(100):
            pass


def test_a_folder_gives_its_files_and_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("front")
    (tmp_path / "secret").write_text("no")
    handler = from_folder(tmp_path / "site")
    assert handler(Request("GET", "/", {}, b"", "")).body == b"front"
    assert handler(Request("GET", "/../secret", {}, b"", "")).status == 404


def test_a_port_in_use_is_one_clear_error() -> None:
    port = free_port()
    with TCPEchoServer(ThisMachine(), port), pytest.raises(UsageError, match=f"port {port}"):  # noqa: SIM117
        with TCPEchoServer(ThisMachine(), port):
            pass


def test_the_dns_server_answers_follows_aliases_and_denies_what_it_does_not_know() -> None:
    from packetlab.application.dns import AAAA, CNAME, DNS, query
    from packetlab.model.packet import decapsulate
    from packetlab.net.servers.dns import DNSServer, zone

    port = free_port(socket.SOCK_DGRAM)
    records = zone({"www.lab.test": ["10.0.0.2", "fd00::2"], "web.lab.test": "www.lab.test"})
    with (
        DNSServer(ThisMachine(), records, port=port),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(5)
        sock.connect(("127.0.0.1", port))

        def ask(name: str, kind: str) -> DNS:
            sock.send(query(name, kind, identifier=99).encode())
            packet = decapsulate(sock.recv(4096), DNS)
            assert not packet.faults
            return packet[DNS]

        found = ask("web.lab.test", "AAAA")
        assert [type(record) for record in found.answers] == [CNAME, AAAA]
        assert (found.identifier, found.response, found.response_code) == (99, 1, 0)
        assert ask("www.lab.test", "MX").response_code == 0
        assert ask("none.lab.test", "A").response_code == 3
        sock.send(b"\x00garbage")
        assert ask("WWW.lab.test", "A").answer_count == 1
