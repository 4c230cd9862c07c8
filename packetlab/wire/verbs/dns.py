"""dns: one question to a server, over UDP, and over TCP where the answer did not fit."""

import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packetlab.application.dns import CLASSES, DNS, TYPE_NUMBERS, TYPES, query
from packetlab.model.addresses import ip_bytes, ip_text
from packetlab.model.errors import PacketLabError, UnreachableError, UsageError
from packetlab.model.packet import Packet, decapsulate
from packetlab.wire.host import Host, KnowsNames, LocalHost
from packetlab.wire.ip_socket import family_of, socket_address

if TYPE_CHECKING:
    from packetlab.wire.recorder import FrameSink
    from packetlab.wire.verbs.watching import Watcher

PORT = 53
LARGEST = 65_535
MOST_SERVERS = 3
"""Of a resolv.conf; programs look at no more."""
MAX_IGNORED = 100
"""Wrong answers that are told; more are passed over in silence."""
FORMAT_ERROR = 1


class NoAnswerError(PacketLabError):
    """Nobody answered in time."""


@dataclass(frozen=True, slots=True)
class DNSResult:
    """An answer, and how it was got."""

    question: str
    kind: str
    server: str
    transport: str
    """"UDP" or "TCP"."""
    rtt: int
    """Nanoseconds from the (last) question to the answer."""
    tries: int
    was_truncated: bool
    """The answer over UDP did not fit, so it was asked for again over TCP."""
    packet: Packet
    """The answer."""
    ignored: tuple[str, ...] = ()
    """Datagrams that came and were no answer, and why."""
    passed: tuple[str, ...] = ()
    """Servers that were asked before and did not answer, and why."""
    why_cut: str = ""
    """Why this is still the answer that did not fit: the question over TCP failed."""

    @property
    def message(self) -> DNS:
        """The answer's message."""
        return self.packet[DNS]

    @property
    def ok(self) -> bool:
        """The name exists and has such a record."""
        return self.message.response_code == 0 and bool(self.message.answers)


def dns(
    name: str, kind: str = "A", *, server: str = "", port: int = PORT, via: Host | None = None, tcp: bool = False,
    edns: bool = True, timeout: float = 2.0, retries: int = 2, record: "FrameSink | None" = None,
) -> DNSResult:  # fmt: skip
    """Ask `server` for records of a name; where none is given, the servers of the host's resolv.conf, one by one.

    kind: "A", "AAAA", "MX", ... or a number. timeout: seconds for each try. record: is given the frames. Errors:
    UsageError for a name or kind that cannot be, NoAnswerError, UnreachableError; PrivilegeError with `record`.
    """
    host = via or LocalHost()
    number = _number(kind)
    if timeout <= 0 or retries < 0:
        raise UsageError("the timeout must be positive, and retries cannot be negative")
    servers = [server] if server else name_servers(host)
    for address in servers:
        ip_bytes(address.partition("%")[0])
    passed: list[str] = []
    while True:
        try:
            found = _ask(_Server(host, servers[len(passed)], port, timeout, record), name, number, tcp, edns, retries)
        except (NoAnswerError, UnreachableError) as error:
            passed.append(str(error))
            if len(passed) == len(servers):
                if len(passed) > 1:
                    raise NoAnswerError(f"no server answered: {'; '.join(passed)}", remedy=error.remedy) from None
                raise
        else:
            return replace(found, kind=kind.upper(), passed=tuple(passed))


@dataclass(frozen=True, slots=True)
class _Server:
    """Who is asked, and how long we wait for each answer."""

    host: Host
    address: str
    port: int
    timeout: float
    record: "FrameSink | None"

    @contextmanager
    def asking(self, kind: socket.SocketKind) -> Iterator[socket.socket]:
        """A socket to ask it with; what it sends and receives is recorded, where that was asked for."""
        with ExitStack() as opened:
            watcher: Watcher | None = None
            if self.record is not None:
                from packetlab.wire.resolve import resolve
                from packetlab.wire.verbs.watching import recorder

                target = resolve(self.address, via=self.host)
                watcher = recorder(target, self.host, self.record, udp=kind == socket.SOCK_DGRAM)
                opened.callback(watcher.close)
            sock = opened.enter_context(self.host.socket(family_of(self.address), kind))
            try:
                yield sock
            finally:
                if watcher is not None and kind == socket.SOCK_STREAM:
                    own = sock.getsockname()[1]
                    sock.close()
                    watcher.finish(own, self.port)
                elif watcher is not None:
                    watcher.take(sock.getsockname()[1], self.port)

    def connect(self, sock: socket.socket) -> None:
        """The kernel then takes datagrams of this server only."""
        bare, _, zone = self.address.partition("%")
        sock.connect(socket_address(sock, ip_bytes(bare), self.port, zone))


def _ask(server: _Server, name: str, number: int, tcp: bool, edns: bool, retries: int) -> DNSResult:
    asked = query(name, number, identifier=secrets.randbits(16), edns=edns)
    cut: DNSResult | None = None
    if not tcp:
        packet, rtt, tries, ignored = _by_datagram(server, asked, retries)
        if edns and packet[DNS].response_code == FORMAT_ERROR:
            # RFC 6891 section 7: a server that does not know EDNS says so; it is asked again without.
            asked = query(name, number, identifier=secrets.randbits(16), edns=False)
            packet, rtt, more, ignored = _by_datagram(server, asked, retries)
            tries += more
        truncated = bool(packet[DNS].truncated)
        cut = DNSResult(name, "", server.address, "UDP", rtt, tries, truncated, packet, tuple(ignored))
        if not truncated:
            return cut
    try:
        packet, rtt = _by_stream(server, asked)
    except (NoAnswerError, UnreachableError) as error:
        if cut is None:
            raise
        return replace(cut, why_cut=str(error))
    return DNSResult(name, "", server.address, "TCP", rtt, 1, not tcp, packet)


def _number(kind: str) -> int:
    if kind.isdecimal() and int(kind) < 65_536:
        return int(kind)
    if kind.upper() not in TYPE_NUMBERS:
        known = ", ".join(list(TYPE_NUMBERS)[:12])
        raise UsageError(f"there is no kind of record {kind!r}", remedy=f"try {known}, or a number")
    return TYPE_NUMBERS[kind.upper()]


def name_servers(host: Host, path: Path = Path("/etc/resolv.conf")) -> list[str]:
    """The name servers that a host is told to use, at most three (resolv.conf(5)); UsageError where there is none."""
    if isinstance(host, KnowsNames):
        found, what = host.name_servers(), f"{host.name} of a virtual network"
    else:
        try:
            lines = [line.split() for line in path.read_text(errors="replace").splitlines()]
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", remedy="name a server: @192.0.2.1") from None
        found, what = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"], str(path)
    if not found:
        raise UsageError(f"{what} names no server", remedy="name one: packetlab dns NAME @192.0.2.1")
    return found[:MOST_SERVERS]


def _by_datagram(server: _Server, asked: DNS, retries: int) -> tuple[Packet, int, int, list[str]]:
    data, address, timeout = asked.encode(), server.address, server.timeout
    ignored: list[str] = []
    with server.asking(socket.SOCK_DGRAM) as sock:
        for tries in range(1, retries + 2):
            start = time.monotonic_ns()
            try:
                server.connect(sock)
                sock.send(data)
                while (left := timeout - (time.monotonic_ns() - start) / 1e9) > 0:
                    sock.settimeout(left)
                    packet = decapsulate(sock.recv(LARGEST), DNS)
                    why = _wrong(packet, asked)
                    if not why:
                        return packet, time.monotonic_ns() - start, tries, ignored
                    if len(ignored) < MAX_IGNORED:
                        ignored.append(why)
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                raise UnreachableError(
                    f"{address} answered that nobody listens on port {server.port} there: it is no DNS server",
                    remedy="name another server: packetlab dns NAME @SERVER",
                ) from None
            except OSError as error:
                raise UnreachableError(f"{address} cannot be reached: {error.strerror}") from None
    seen = f"; {len(ignored)} datagrams were no answer ({ignored[0]})" if ignored else ""
    raise NoAnswerError(f"{address} did not answer {retries + 1} questions within {timeout:g} s each{seen}",
                        remedy="another server, or --tcp where a firewall drops UDP")  # fmt: skip


def _by_stream(server: _Server, asked: DNS) -> tuple[Packet, int]:
    data, address, timeout = asked.encode(), server.address, server.timeout
    start = time.monotonic_ns()
    with server.asking(socket.SOCK_STREAM) as sock:
        try:
            sock.settimeout(timeout)
            server.connect(sock)
            sock.sendall(len(data).to_bytes(2, "big") + data)
            deadline = time.monotonic() + timeout
            size = int.from_bytes(_exactly(sock, 2, deadline), "big")
            packet = decapsulate(_exactly(sock, size, deadline), DNS)
            took = time.monotonic_ns() - start
        except TimeoutError:
            raise NoAnswerError(f"{address} did not answer over TCP within {timeout:g} s") from None
        except OSError as error:
            raise UnreachableError(f"{address} cannot be asked over TCP: {error.strerror or error}") from None
    why = _wrong(packet, asked)
    if why:
        raise NoAnswerError(f"what {address} sent over TCP is no answer: {why}")
    return packet, took


def _exactly(sock: socket.socket, count: int, deadline: float) -> bytes:
    """So many bytes; TimeoutError where they have not all come by then, however they trickle."""
    data = b""
    while len(data) < count:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        more = sock.recv(count - len(data))
        if not more:
            raise ConnectionError("the connection was closed in the middle of the answer")
        data += more
    return data


def _wrong(packet: Packet, asked: DNS) -> str:
    """Why a datagram is no answer to our question (RFC 5452 section 3); "" where it is one."""
    message = packet.get(DNS)
    if message is None or message.is_cut:
        return "it is no whole DNS message"
    if not message.response:
        return "it is a question itself"
    if message.identifier != asked.identifier:
        return f"its identifier is 0x{message.identifier:04x}, not 0x{asked.identifier:04x}"
    if not message.questions and message.response_code == FORMAT_ERROR:
        return ""  # a server that could not read the question need not repeat it
    if len(message.questions) != 1:
        return f"it repeats {len(message.questions) or 'no'} questions, not ours alone"
    mine, theirs = asked.questions[0], message.questions[0]
    if (mine.qname.lower(), mine.qtype, mine.qclass) != (theirs.qname.lower(), theirs.qtype, theirs.qclass):
        kind, of = TYPES.get(theirs.qtype, theirs.qtype), CLASSES.get(theirs.qclass, theirs.qclass)
        return f"it answers another question, {theirs.qname} {of} {kind}"
    return ""


def reverse_name(address: str) -> str:
    """The name under which the PTR record of an address stands (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    data = ip_bytes(address)
    if len(data) == 4:
        return ".".join(reversed(ip_text(data).split("."))) + ".in-addr.arpa"
    return ".".join(reversed(data.hex())) + ".ip6.arpa"
