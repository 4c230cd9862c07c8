"""Scenes of the application layer: DNS, HTTP, TLS, and passwords that everybody can read."""

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packetlab.application.dns import query
from packetlab.net import Network
from packetlab.net.servers import DNSServer, HTTPServer
from packetlab.net.servers.base import StreamServer
from packetlab.net.servers.dns import zone
from packetlab.net.servers.http import Request, Response
from packetlab.wire.exchange import ask_by_datagram
from scenes.certificates import certificate
from scenes.scene import PAIR4, SERVER, Look, Scene, connect, listener

NAMES = zone({
    "www.lab.test": ["10.0.0.2", "fd00::2"], "web.lab.test": "www.lab.test",
    "many.lab.test": [f"10.1.0.{number}" for number in range(1, 61)],
})  # fmt: skip


def _dns(network: Network) -> None:
    client, server = network["client"], network["server"]
    with DNSServer(server, NAMES, origin="lab.test"):
        asked = [("www.lab.test", "A"), ("www.lab.test", "AAAA"), ("web.lab.test", "A"), ("nowhere.lab.test", "A"),
                 ("www.lab.test", "MX"), ("many.lab.test", "A")]  # fmt: skip
        for number, (name, kind) in enumerate(asked, 1):
            ask_by_datagram(client, SERVER, 53, query(name, kind, identifier=number, edns=False).encode())
        again = query("many.lab.test", "A", identifier=7, edns=False).encode()
        with connect(client, SERVER, 53) as sock:
            sock.sendall(len(again).to_bytes(2, "big") + again)
            size = int.from_bytes(sock.recv(2, socket.MSG_WAITALL), "big")
            sock.recv(size, socket.MSG_WAITALL)


def _page(request: Request) -> Response:
    if request.target == "/chunks":
        return Response(
            chunks=(b"one chunk, ", b"another, ", b"and the last\n"), headers={"Content-Type": "text/plain"}
        )
    if request.target == "/form":
        return Response(b"thank you\n", headers={"Content-Type": "text/plain"})
    if request.target == "/":
        return Response(b"<h1>Hello</h1>\n", headers={"Content-Type": "text/html"})
    return Response(b"no such page\n", 404)


def _http(network: Network) -> None:
    with HTTPServer(network["server"], 80, _page):
        browser = HTTPConnection(SERVER)
        browser.sock = connect(network["client"], SERVER, 80)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for method, target, body in (("GET", "/", None), ("GET", "/chunks", None), ("GET", "/missing", None),
                                     ("POST", "/form", b"colour=blue&size=3")):  # fmt: skip
            browser.request(method, target, body, form if body else {})
            browser.getresponse().read()
        browser.close()


def _tls(version: ssl.TLSVersion, days: tuple[int, int] = (-30, 3650)) -> Callable[[Network], None]:
    def play(network: Network) -> None:
        with TemporaryDirectory() as folder:
            made = certificate(Path(folder), "www.lab.test", days)
            client, server = ssl.create_default_context(cafile=made.authority), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.load_cert_chain(made.chain, made.key)
            server.set_alpn_protocols(["http/1.1"])
            client.set_alpn_protocols(["h2", "http/1.1"])
            client.minimum_version = client.maximum_version = server.minimum_version = server.maximum_version = version
            with listener(network["server"], 443) as waiting:
                helper = threading.Thread(target=_serve, args=(waiting, server))
                helper.start()
                with (
                    connect(network["client"], SERVER, 443) as sock,
                    contextlib.suppress(OSError),  # a certificate that is refused is what we want to see
                    client.wrap_socket(sock, server_hostname="www.lab.test") as secure,
                ):
                    secure.sendall(b"GET / HTTP/1.1\r\nHost: www.lab.test\r\n\r\n")
                    secure.recv(1000)
                    secure.unwrap()
                helper.join(5)

    return play


def _serve(waiting: socket.socket, context: ssl.SSLContext) -> None:
    accepted = waiting.accept()[0]
    accepted.settimeout(5)
    with accepted, contextlib.suppress(OSError), context.wrap_socket(accepted, server_side=True) as secure:
        secure.recv(1000)
        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
        secure.unwrap()


class Script(StreamServer):
    """A server of lines: greets, and answers each line by its first word."""

    def __init__(self, host: Any, port: int, greeting: str, answers: Mapping[str, str]) -> None:
        super().__init__(host, port)
        self.greeting, self.answers = greeting, answers

    def connected(self, sock: socket.socket, peer: Any) -> None:
        self.send(sock, self.greeting.encode() + b"\r\n")

    def received(self, sock: socket.socket, data: bytes) -> None:
        for line in data.decode().splitlines():
            self.send(sock, self.answers.get(line.split(" ")[0].upper(), "500 what?").encode() + b"\r\n")


def _talk(network: Network, port: int, *lines: str) -> None:
    with connect(network["client"], SERVER, port) as sock:
        sock.recv(1000)
        for line in lines:
            sock.sendall(line.encode() + b"\r\n")
            sock.recv(1000)


def _credentials(network: Network) -> None:
    server = network["server"]
    mailed = base64.b64encode(b"\0alice\0opensesame").decode()
    basic = base64.b64encode(b"alice:opensesame").decode()
    with (
        Script(server, 21, "220 FTP here", {"USER": "331 password?", "PASS": "230 welcome", "QUIT": "221 bye"}),
        Script(server, 110, "+OK POP3 here", {"USER": "+OK", "PASS": "+OK welcome", "QUIT": "+OK bye"}),
        Script(server, 25, "220 mail here", {"EHLO": "250 AUTH PLAIN", "AUTH": "235 welcome", "QUIT": "221 bye"}),
        Script(server, 143, "* OK IMAP here", {"A1": "A1 OK welcome", "A2": "A2 OK bye"}),
        HTTPServer(server, 80, _page),
    ):  # fmt: skip
        _talk(network, 21, "USER alice", "PASS opensesame", "QUIT")
        _talk(network, 110, "USER alice", "PASS opensesame", "QUIT")
        _talk(network, 25, "EHLO client", f"AUTH PLAIN {mailed}", "QUIT")
        _talk(network, 143, 'A1 LOGIN alice "opensesame"', "A2 LOGOUT")
        browser = HTTPConnection(SERVER)
        browser.sock = connect(network["client"], SERVER, 80)
        browser.request("GET", "/", headers={"Authorization": f"Basic {basic}"})
        browser.getresponse().read()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        browser.request("POST", "/form", b"user=alice&password=opensesame", form)
        browser.getresponse().read()
        browser.close()


def _begins(what: bytes) -> Callable[[Any], list[int]]:
    return lambda found: [number for number, packet in found if (packet.data or b"")[54:].find(what) >= 0]


def _asks(name: str, kind: int) -> Callable[[Any], list[int]]:
    from packetlab.application.dns import DNS

    def chosen(found: Any) -> list[int]:
        asked = [(number, packet[DNS].questions[0]) for number, packet in found if packet[DNS].questions]
        return [number for number, one in asked if one.qname.rstrip(".") == name and one.qtype == kind]

    return chosen


SCENES = (
    Scene(
        "dns", "names and addresses",
        "Questions for an IPv4 and an IPv6 address, for an alias, for a name that does not exist, for a kind of record "
        "that the name does not have, and for a name with sixty addresses: too long for a datagram, so the server says "
        "\"truncated\" and the client asks again over TCP.",
        PAIR4, _dns,
        (
            Look("an IPv4 address (A).", "dns", _asks("www.lab.test", 1)),
            Look("an IPv6 address (AAAA).", "dns", _asks("www.lab.test", 28)),
            Look("an alias: the answer holds the CNAME and what it leads to.", "dns", _asks("web.lab.test", 1)),
            Look("no such name (NXDOMAIN).", "dns.flags.rcode == 3"),
            Look("the name exists, but has no such record: no error, no answer.",
                 "dns.flags.response == 1 && dns.count.auth_rr > 0 && dns.flags.rcode == 0"),
            Look("the answer does not fit: truncated.", "dns.flags.truncated == 1"),
            Look("asked again over TCP, each message behind its length.", "tcp.port == 53 && tcp.flags.push == 1"),
        ),
    ),
    Scene(
        "http", "several requests on one connection",
        "Four requests on one connection (keep-alive): a page, a page in chunks, a page that is not there, and a form.",
        PAIR4, _http,
        (
            Look("requests.", "tcp.dstport == 80 && tcp.flags.push == 1"),
            Look("the body comes in chunks, each behind its length in hex; a chunk of 0 is the end.",
                 "tcp.srcport == 80", _begins(b"chunked")),
            Look("404: no such page.", "tcp.srcport == 80", _begins(b" 404 ")),
            Look("one handshake for all of them.", "tcp.flags.syn == 1"),
        ),
    ),
    Scene(
        "tls12", "a TLS 1.2 session",
        "The handshake is readable: which server is wanted (SNI), which versions and ciphers are offered, the server's "
        "certificate. The page itself is not. The last bytes before the FIN say that nobody cut the stream.",
        PAIR4, _tls(ssl.TLSVersion.TLSv1_2),
        (
            Look("Client Hello: the name of the server stands in it in clear.",
                 "tcp.dstport == 443", _begins(b"www.lab.test")),
            Look("Server Hello and, in clear, the certificate.",
                 "tcp.srcport == 443", _begins(b"packetlab test authority")),
            Look("encrypted data (record type 23).", "tcp", _begins(b"\x17\x03\x03")),
        ),
    ),
    Scene(
        "tls13", "a TLS 1.3 session",
        "One round trip less than 1.2, and the certificate is encrypted too. It claims to be 1.2 in the record header; "
        "the true version stands in an extension.",
        PAIR4, _tls(ssl.TLSVersion.TLSv1_3),
        (
            Look("Client Hello with the name of the server.", "tcp.dstport == 443", _begins(b"www.lab.test")),
            Look("Server Hello; all behind it is encrypted (record type 23).", "tcp", _begins(b"\x17\x03\x03")),
        ),
    ),
    Scene(
        "tls_expired", "a certificate that is no longer valid",
        "The server's certificate ended yesterday. The client says so in an alert and closes.",
        PAIR4, _tls(ssl.TLSVersion.TLSv1_2, (-90, -1)),
        (
            Look("the certificate.", "tcp.srcport == 443", _begins(b"packetlab test authority")),
            Look("a fatal alert (2), certificate expired (45).",
                 "tcp.dstport == 443", _begins(b"\x15\x03\x03\x00\x02\x02\x2d")),
        ),
    ),
    Scene(
        "credentials", "passwords that everybody can read",
        "Alice logs in by FTP, POP3, SMTP, IMAP and HTTP, without encryption. The password is opensesame each time; "
        "base64 hides nothing.",
        PAIR4, _credentials,
        (
            Look("FTP and POP3: a line with the password.", "tcp.dstport in {21 110}", _begins(b"PASS ")),
            Look("SMTP: name and password in base64.", "tcp.dstport == 25", _begins(b"AUTH PLAIN")),
            Look("IMAP.", "tcp.dstport == 143", _begins(b"LOGIN ")),
            Look("HTTP Basic: base64 again.", "tcp.dstport == 80", _begins(b"Authorization: Basic")),
            Look("a form with a field called password.", "tcp.dstport == 80", _begins(b"&password=")),
        ),
    ),
)  # fmt: skip
