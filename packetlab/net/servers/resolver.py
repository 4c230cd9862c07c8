"""A recursive DNS server: finds answers by asking from the root down, and remembers them (RFC 1034 section 5.3.3).

It begins at the root servers it is given, follows each referral to the servers named in it, and keeps what it
learns for as long as the records allow; also that there is nothing (RFC 2308). Its questions go out from its own
host, one at a time for each query, so a lab can watch the chain root - top level - authoritative.
"""

import secrets
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from packetlab.application.dns import AAAA, CNAME, DNS, NS, SOA, A, Record, ResourceRecord, query
from packetlab.model.addresses import ip_text
from packetlab.model.packet import decapsulate
from packetlab.net.servers.base import SocketMaker
from packetlab.net.servers.dns import DNSServer
from packetlab.net.servers.zones import MAX_ALIASES, Answer, lower

MAX_QUESTIONS = 24
"""Questions sent for one query, whatever servers say: referrals in a circle must end."""
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
        self._workers = ThreadPoolExecutor(max_workers=8, thread_name_prefix=f"resolver on {host.name}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)
        super().__exit__(kind, error, trace)

    def forget(self) -> None:
        """Empty the cache."""
        with self._lock:
            self._cache.clear()

    def answer(self, asked: DNS, peer: str, reply: Any) -> None:
        """Find the answer in a thread of its own: others must not wait for a slow server."""
        try:
            self._workers.submit(self._find, asked, peer, reply)
        except RuntimeError:
            pass  # the server is being stopped

    def _find(self, asked: DNS, peer: str, reply: Any) -> None:
        made = self.respond(asked)
        self.note(asked, peer, made)
        reply(made)

    def respond(self, asked: DNS) -> DNS:
        """The answer to a query, from the cache or from the servers that know."""
        if asked.opcode != 0 or len(asked.questions) != 1:
            return self.message(asked, Answer(code=4, authoritative=False))
        question, left = asked.questions[0], [MAX_QUESTIONS]
        try:
            found = self.resolve(question.qname, question.qtype, left)
        except ResolutionFailed as error:
            self.log.append(f"{question.qname}: {error}")
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
        servers = self._nearest(name) or self.roots
        while True:
            reply = self._ask_one_of(servers, name, kind, left)
            cut = [row for row in reply.authorities if isinstance(row, NS)]
            if reply.answers or reply.response_code or reply.authoritative or not cut:
                found = Answer(reply.answers, reply.authorities, (), reply.response_code, authoritative=False)
                self._remember(name, kind, found)
                return found
            self._learn(cut, reply)
            servers = self._addresses(cut, reply, left)

    def _addresses(self, cut: Sequence[NS], reply: DNS, left: list[int]) -> list[str]:
        """Where the servers of a referral are: in its glue, or to be found out."""
        names = {lower(row.server) for row in cut}
        glue = [row for row in reply.additionals if isinstance(row, A | AAAA) and lower(row.owner) in names]
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
                sock.connect((server, self.upstream_port))
                sock.send(asked.encode())
                while (wait := deadline - time.monotonic()) > 0:
                    sock.settimeout(wait)
                    reply = _answer_to(asked, sock.recv(65535))
                    if reply is not None:
                        return self._over_tcp(family, server, asked) if reply.truncated else reply
        except OSError:
            pass
        return None

    def _over_tcp(self, family: int, server: str, asked: DNS) -> DNS | None:
        raw = asked.encode()
        with self.host.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(PATIENCE)
            sock.connect((server, self.upstream_port))
            sock.sendall(len(raw).to_bytes(2, "big") + raw)
            got = b""
            while len(got) < 2 or len(got) < 2 + int.from_bytes(got[:2], "big"):
                more = sock.recv(65535)
                if not more:
                    return None
                got += more
        return _answer_to(asked, got[2:])

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

    def _learn(self, cut: Sequence[NS], reply: DNS) -> None:
        """Remember who serves a zone, with the addresses that came along."""
        names = {lower(row.server) for row in cut}
        glue = tuple(row for row in reply.additionals if isinstance(row, A | AAAA) and lower(row.owner) in names)
        if glue:
            self._remember(cut[0].owner, 2, Answer((*cut, *glue)))

    def _nearest(self, name: str) -> list[str]:
        """The addresses of the servers of the nearest zone around a name that the cache knows."""
        labels = lower(name).split(".")
        for start in range(len(labels)):
            known = self._remembered(".".join(labels[start:]), 2)
            addresses = [ip_text(row.address) for row in known.answers if isinstance(row, A | AAAA)] if known else []
            if addresses:
                return addresses
        return []


def _answer_to(asked: DNS, data: bytes) -> DNS | None:
    packet = decapsulate(data, DNS)
    reply = packet.get(DNS)
    if reply is None or reply.is_cut or not reply.response or reply.identifier != asked.identifier:
        return None
    return reply if reply.questions == asked.questions else None

