"""http: a request over the kernel's TCP, the time of each stage, and the frames that carried it."""

import os
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from packetlab.application.http import HTTPMessage, HTTPParser, HTTPRequest, field_lines
from packetlab.model.errors import PacketLabError, UnreachableError, UsageError
from packetlab.model.frame import Frame
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.recorder import FrameSink
from packetlab.wire.resolve import Target, resolve
from packetlab.wire.verbs.connecting import Attempt, Connecting, names_words
from packetlab.wire.verbs.over_tcp import Stage, StageClock
from packetlab.wire.verbs.watching import LAST_MOMENT

MAX_REDIRECTS = 10
MAX_ANSWER = 64 << 20
"""Bytes of an answer that are read at all; the parser keeps fewer."""
MAX_SECONDS = 300
"""Seconds after which an answer that still trickles in is given up."""


class HTTPError(PacketLabError):
    """The server did not answer, or not in HTTP/1."""


@dataclass(frozen=True, slots=True)
class HTTPResult:
    """A response and how it came."""

    url: str
    target: Target
    port: int
    request: HTTPRequest
    response: HTTPMessage
    stages: tuple[Stage, ...]
    frames: tuple[Frame, ...] = ()
    """Those that carried it, where packet sockets are allowed."""
    why_no_frames: str = ""
    redirected_from: tuple[str, ...] = ()
    tried: tuple[Attempt, ...] = ()
    """The addresses of the name that were tried, in the order in which that ended."""

    @property
    def ok(self) -> bool:
        """A status below 400."""
        return 0 < self.response.status < 400


def http(
    url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, data: bytes = b"", follow: bool = False,
    timeout: float = 10.0, family: int = 0, verify: bool = True, via: Host | None = None,
    record: FrameSink | None = None,
) -> HTTPResult:  # fmt: skip
    """Send one request and take the response, at most 16 MiB of it. `follow` goes after redirects.

    Where the name has several addresses, the next is tried when one fails or is slow (RFC 8305).

    Errors: UsageError for a URL that cannot be, UnreachableError, HTTPError.
    """
    passed: list[str] = []
    url = url if "://" in url else "http://" + url
    while True:
        result = _once(url, method, dict(headers or {}), data, timeout, family, verify, via, record, tuple(passed))
        place = result.response.header("location")
        if not follow or place is None or not 300 <= result.response.status < 400:
            return result
        if len(passed) >= MAX_REDIRECTS:
            raise HTTPError(f"more than {MAX_REDIRECTS} redirects, the last to {place[:80]}")
        passed.append(url)
        old, url = url, urljoin(url, place)
        if _parts(old)[:3] != _parts(url)[:3]:
            headers = {}  # what was meant for one server, a password perhaps, is not for another
        if method != "HEAD" and (result.response.status == 303 or (method == "POST" and result.response.status < 303)):
            method, data = "GET", b""  # RFC 9110 section 15.4


def _once(
    url: str, method: str, headers: dict[str, str], data: bytes, timeout: float, family: int, verify: bool,
    via: Host | None, record: FrameSink | None, passed: tuple[str, ...],
) -> HTTPResult:  # fmt: skip
    scheme, name, port, path = _parts(url)
    host = via or LocalHost()
    clock = StageClock()
    target = resolve(name, family=family, via=host)
    clock.stage("name", names_words(target))
    bare = name.partition("%")[0]  # RFC 6874 section 1: which of our links it is means nothing to the server
    shown = f"[{bare}]" if ":" in bare else bare
    fields = {"Host": shown if port in (80, 443) else f"{shown}:{port}", "User-Agent": "packetlab", "Accept": "*/*"}
    fields |= {"Connection": "close"} | ({"Content-Length": str(len(data))} if data else {}) | headers
    request = HTTPRequest(method=method, target=path, version="HTTP/1.1", headers=field_lines(fields))
    tls = _tls(verify) if scheme == "https" else None
    with ExitStack() as opened:
        connecting = opened.enter_context(
            Connecting(target, port, host, clock, timeout=timeout, watch=True, record=record)
        )
        for _ in connecting.run():
            pass
        if connecting.connection is None:
            why = connecting.failure
            raise UnreachableError(f"{connecting.who} port {port}: {why.text}", remedy=why.remedy)
        target, sock = connecting.connection.target, connecting.connection.sock
        sock.settimeout(timeout)
        try:
            if tls:
                sock = opened.enter_context(tls.wrap_socket(sock, server_hostname=bare))
                clock.stage("TLS", f"{sock.version()}, {(sock.cipher() or ('?',))[0]}")
            sock.sendall(request.encode() + data)
            clock.stage("request", f"{len(request.encode()) + len(data)} bytes handed to the kernel")
            response = _response(sock, method, clock)
        except TimeoutError:
            raise HTTPError(f"{target} port {port} was silent for {timeout:g} s", remedy="-W waits longer") from None
        except ssl.SSLCertVerificationError as error:
            raise HTTPError(f"the certificate of {target} does not convince: {error.verify_message}",
                            remedy="--insecure does not look at it") from None  # fmt: skip
        except ssl.SSLError as error:
            raise HTTPError(f"{target} port {port} does not speak TLS as we do: {error.reason or error}",
                            remedy="http:// asks without TLS") from None  # fmt: skip
        except OSError as error:
            raise UnreachableError(f"{target} port {port}: {error.strerror or error}") from None
        _end(sock)
        frames = connecting.frames()
    return HTTPResult(url, target, port, request, response, tuple(clock.stages), frames, connecting.why_no_frames,
                      passed, tuple(connecting.attempts))  # fmt: skip


def _parts(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and target of a URL; UsageError where it is none."""
    try:
        found = urlsplit(url)
        port = found.port
    except ValueError as error:
        raise UsageError(f"{url[:80]!r} is no URL: {error}") from None
    if found.scheme not in ("http", "https") or not found.hostname:
        raise UsageError(f"{url[:80]!r} is no URL of the web", remedy="write http://HOST/PATH")
    path = (found.path or "/") + (f"?{found.query}" if found.query else "")
    if not path.isascii() or " " in path:
        raise UsageError(f"{path[:60]!r} cannot stand in a request", remedy="write odd characters as %20")
    # RFC 6874 section 2: in a URL the % of fe80::1%eth0 is written %25.
    name = found.hostname.replace("%25", "%", 1)
    return found.scheme, name, port or (443 if found.scheme == "https" else 80), path


def _tls(verify: bool) -> ssl.SSLContext:
    """Made before the connection: to read the machine's authorities takes longer than many a handshake."""
    if verify:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if keys := os.environ.get("SSLKEYLOGFILE"):
        context.keylog_filename = keys
    return context


def _end(sock: socket.socket) -> None:
    """Hear the server's FIN, which it promised, and then close: what waits unread would make the kernel send RST."""
    deadline = time.monotonic() + LAST_MOMENT
    try:
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(65_536):
                break
    except OSError:
        pass
    sock.close()


def _response(sock: socket.socket, method: str, clock: StageClock) -> HTTPMessage:
    parser = HTTPParser(asked=[method])
    total, started = 0, time.monotonic()
    while True:
        if total > MAX_ANSWER or time.monotonic() - started > MAX_SECONDS:
            raise HTTPError(f"the answer did not end within {MAX_ANSWER} bytes and {MAX_SECONDS} s: given up")
        data = sock.recv(65_536)
        if data and not total:
            clock.stage("first byte", "the server thought, and one round trip passed")
        total += len(data)
        for message in parser.feed(data):
            if message.is_request:
                raise HTTPError("the answer is no HTTP/1 response but a request, perhaps our own")
            if message.status >= 200:
                clock.stage("rest", f"{total} bytes in all")
                return message
        if parser.broken:
            raise HTTPError(f"the answer is no HTTP/1: {parser.broken}")
        if not data:
            break
    last = parser.end()
    if last is None:
        raise HTTPError("the server closed without a whole answer" if total else "the server said nothing")
    clock.stage("rest", f"{total} bytes in all, until the server closed")
    return last
