"""A recursive DNS server: finds answers by asking from the root down, and remembers them (RFC 1034 section 5.3.3).

It begins at the root servers it is given, follows each referral to the servers named in it, and keeps what it
learns for as long as the records allow; also that there is nothing (RFC 2308). Its questions go out from its own
host, one at a time for each query, so a lab can watch the chain root - top level - authoritative.
"""

import errno
import secrets
import select
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from packetlab.application.dns import AAAA, CNAME, DNS, NS, SOA, A, Record, ResourceRecord, query
from packetlab.model.addresses import ip_text
from packetlab.model.packet import decapsulate
from packetlab.net.servers.base import SocketMaker
from packetlab.net.servers.dns import ANY_CLASS, IN, DNSServer, is_whole
from packetlab.net.servers.zones import MAX_ALIASES, Answer, lower

MAX_QUESTIONS = 24
"""Questions sent for one query, whatever servers say: referrals in a circle must end."""
MAX_WAITING = 64
"""Queries that wait for answers of other servers; more get no answer, and their askers try again."""
LARGEST_ANSWER = 65_535
MAX_REMEMBERED = 1000
"""Names with type in the cache; the one not asked for the longest goes first."""
LONGEST = 86_400
PATIENCE = 1.0
"""Seconds that a server may take."""
SERVER_FAILURE = 2


class ResolutionFailed(Exception):
    """No server gave an answer."""


class RecursiveServer(DNSServer):
    """Answers any query on port 53 of a host; `roots` are the addresses of the root servers."""

    recursion_available = 1

    def __init__(self, host: SocketMaker, roots: Sequence[str], *, port: int = 53, upstream_port: int = 53) -> None:
        super().__init__(host, [], port=port)
        self.roots = list(roots)
        self.upstream_port = upstream_port
        self._cache: OrderedDict[tuple[str, int], tuple[float, Answer]] = OrderedDict()
        self._lock = threading.Lock()
        self._waiting = 0
        self._workers: ThreadPoolExecutor
        self._stop_reader: socket.socket
        self._stop_writer: socket.socket

    def __enter__(self) -> Self:
        self._waiting = 0
        self._stop_reader, self._stop_writer = socket.socketpair()
        self._workers = ThreadPoolExecutor(max_workers=8, thread_name_prefix=f"resolver on {self.host.name}")
        try:
            return super().__enter__()
        except BaseException:
            self._stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._stop()

    def _stop(self) -> None:
        self._stop_writer.close()  # whoever waits for a server sees that and gives up
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._stop_reader.close()

    def forget(self) -> None:
        """Empty the cache."""
        with self._lock:
            self._cache.clear()

    def answer(self, asked: DNS, peer: str, reply: Any) -> None:
        """Find the answer in a thread of its own: others must not wait for a slow server."""
        with self._lock:
            if self._waiting >= MAX_WAITING:
                return
            self._waiting += 1
        self._workers.submit(self._find, asked, peer, reply)

    def _find(self, asked: DNS, peer: str, reply: Any) -> None:
        try:
            made = self.respond(asked)
            self.note(asked, peer, made)
            reply(made)
        except Exception as error:
            self.note_line(f"{peer}: {error!r}")
        finally:
            with self._lock:
                self._waiting -= 1

    def respond(self, asked: DNS) -> DNS:
        """The answer to a query, from the cache or from the servers that know."""
        if asked.opcode != 0 or len(asked.questions) != 1:
            return self.message(asked, Answer(code=4, authoritative=False))
        question, left = asked.questions[0], [MAX_QUESTIONS]
        if question.qclass not in (IN, ANY_CLASS):
            return self.message(asked, Answer(code=4, authoritative=False))
        try:
            found = self.resolve(question.qname, question.qtype, left)
        except ResolutionFailed as error:
            self.note_line(f"{question.qname}: {error}")
            found = Answer(code=SERVER_FAILURE, authoritative=False)
        return self.message(asked, found)

    def resolve(self, name: str, kind: int, left: list[int]) -> Answer:
        """Records of a name, aliases followed. `left[0]` is how many questions may still be sent."""
        chain: list[Record] = []
        for _ in range(MAX_ALIASES):
            found = self._once(name, kind, left)
            chain += found.answers
            aliases = [row for row in found.answers if isinstance(row, CNAME)]
            alias = next((row for row in aliases if lower(row.owner) == lower(name)), None)
            wanted = any(isinstance(row, ResourceRecord) and row.type == kind for row in found.answers)
            if alias is None or wanted or kind == 5:
                return Answer(tuple(chain), found.authorities, (), found.code, authoritative=False)
            name = alias.target
        raise ResolutionFailed(f"more than {MAX_ALIASES} aliases")

    def _once(self, name: str, kind: int, left: list[int]) -> Answer:
        remembered = self._remembered(name, kind)
        if remembered is not None:
            return remembered
        above, servers = self._nearest(name)
        while True:
            reply = self._ask_one_of(servers, name, kind, left)
            cut = [row for row in reply.authorities if isinstance(row, NS)]
            if reply.answers or reply.response_code or reply.authoritative or not cut:
                found = Answer(reply.answers, reply.authorities, (), reply.response_code, authoritative=False)
                self._remember(name, kind, found)
                return found
            below = lower(cut[0].owner)
            # A server speaks for what is below its own zone, and leads nearer to the name: all else would let it
            # plant what it likes about other zones.
            if not (_is_at_or_below(name, below) and _is_at_or_below(below, above) and below != above):
                raise ResolutionFailed(f"the servers of {above or 'the root'} refer to {below or 'the root'}")
            cut = [row for row in cut if lower(row.owner) == below]
            glue = self._glue(cut, reply, above)
            if glue:
                self._remember(below, 2, Answer((*cut, *glue)))
            above, servers = below, self._addresses(cut, glue, left)

    @staticmethod
    def _glue(cut: Sequence[NS], reply: DNS, above: str) -> list[A | AAAA]:
        """The addresses that came along with a referral, of servers below the zone that gave it."""
        names = {lower(row.server) for row in cut}
        return [row for row in reply.additionals if isinstance(row, A | AAAA) and lower(row.owner) in names
                and _is_at_or_below(row.owner, above)]  # fmt: skip

    def _addresses(self, cut: Sequence[NS], glue: "Sequence[A | AAAA]", left: list[int]) -> list[str]:
        """Where the servers of a referral are: in its glue, or to be found out."""
        if glue:
            return [ip_text(row.address) for row in glue]
        for row in cut:
            found = self.resolve(row.server, 1, left)
            addresses = [ip_text(one.address) for one in found.answers if isinstance(one, A)]
            if addresses:
                return addresses
        raise ResolutionFailed("a referral to servers without addresses")

    def _ask_one_of(self, servers: Sequence[str], name: str, kind: int, left: list[int]) -> DNS:
        for server in servers:
            if left[0] <= 0:
                raise ResolutionFailed(f"more than {MAX_QUESTIONS} questions")
            left[0] -= 1
            reply = self._ask(server, name, kind)
            if reply is not None and reply.response_code in (0, 3):
                return reply
        raise ResolutionFailed(f"no answer from {', '.join(servers)}")

    def _ask(self, server: str, name: str, kind: int) -> DNS | None:
        """One question over UDP, again over TCP if the answer did not fit."""
        asked = query(name, kind, identifier=secrets.randbits(16), recursion=False)
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        deadline = time.monotonic() + PATIENCE
        try:
            with self.host.socket(family, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.connect((server, self.upstream_port))
                sock.send(asked.encode())
                while self._is_ready(sock, deadline):
                    reply = _answer_to(asked, sock.recv(65535))
                    if reply is not None:
                        return self._over_tcp(family, server, asked) if reply.truncated else reply
        except OSError:
            pass
        return None

    def _is_ready(self, sock: socket.socket, deadline: float, *, to_write: bool = False) -> bool:
        """Waits until a socket can be read (or written); False when the time is over, or the server is stopped."""
        wait = deadline - time.monotonic()
        if wait <= 0:
            return False
        poll = select.poll()
        poll.register(sock, select.POLLOUT if to_write else select.POLLIN)
        poll.register(self._stop_reader, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(wait * 1000)}
        return sock.fileno() in ready and self._stop_reader.fileno() not in ready

    def _over_tcp(self, family: int, server: str, asked: DNS) -> DNS | None:
        raw = asked.encode()
        with self.host.socket(family, socket.SOCK_STREAM) as sock:
            deadline = time.monotonic() + PATIENCE  # for all of it: one byte a second is no answer
            sock.setblocking(False)
            if sock.connect_ex((server, self.upstream_port)) not in (0, errno.EINPROGRESS):
                return None
            if not self._is_ready(sock, deadline, to_write=True):
                return None
            sock.send(len(raw).to_bytes(2, "big") + raw)
            got = b""
            while len(got) < 2 or len(got) < 2 + int.from_bytes(got[:2], "big"):
                more = sock.recv(LARGEST_ANSWER) if self._is_ready(sock, deadline) else b""
                if not more:
                    return None
                got += more
        return _answer_to(asked, got[2 : 2 + int.from_bytes(got[:2], "big")])

    # ------------------------------------------------------------ memory

    def _remember(self, name: str, kind: int, found: Answer) -> None:
        rows = found.answers or found.authorities
        lives = [row.minimum if isinstance(row, SOA) and not found.answers else row.ttl
                 for row in rows if isinstance(row, ResourceRecord)]  # fmt: skip
        if not lives or min(lives) <= 0:
            return
        with self._lock:
            self._cache[lower(name), kind] = (time.monotonic() + min(*lives, LONGEST), found)
            while len(self._cache) > MAX_REMEMBERED:
                self._cache.popitem(last=False)

    def _remembered(self, name: str, kind: int) -> Answer | None:
        """What the cache knows, with the time that is left of it."""
        with self._lock:
            until, found = self._cache.get((lower(name), kind), (0.0, Answer()))
            left = int(until - time.monotonic() + 0.999)
            if left <= 0:
                self._cache.pop((lower(name), kind), None)
                return None
            self._cache.move_to_end((lower(name), kind))
        aged = tuple(row.replace(ttl=min(row.ttl, left)) if isinstance(row, ResourceRecord) else row
                     for row in found.answers)  # fmt: skip
        return Answer(aged, found.authorities, (), found.code, authoritative=False)

    def _nearest(self, name: str) -> tuple[str, list[str]]:
        """The nearest zone around a name whose servers are in the cache, and their addresses; else the root."""
        labels = lower(name).split(".")
        for start in range(len(labels)):
            zone = ".".join(labels[start:])
            known = self._remembered(zone, 2)
            addresses = [ip_text(row.address) for row in known.answers if isinstance(row, A | AAAA)] if known else []
            if addresses:
                return zone, addresses
        return "", self.roots


def _is_at_or_below(name: str, zone: str) -> bool:
    name, zone = lower(name), lower(zone)
    return not zone or name == zone or name.endswith("." + zone)


def _answer_to(asked: DNS, data: bytes) -> DNS | None:
    packet = decapsulate(data, DNS)
    reply = packet.get(DNS)
    if reply is None or not is_whole(reply) or not reply.response or reply.identifier != asked.identifier:
        return None
    return reply if reply.questions == asked.questions else None
