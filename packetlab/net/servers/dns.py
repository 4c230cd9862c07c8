"""A small DNS server over UDP: answers from a zone in memory, and says no such name to everything else.

It follows aliases (CNAME) inside its zone, and sets TC where the answer does not fit what the asker takes.
"""

import socket
from collections.abc import Mapping, Sequence
from typing import Any

from packetlab.application.dns import AAAA, CNAME, DNS, OPT, SOA, A, Record, ResourceRecord
from packetlab.model.packet import decapsulate
from packetlab.net.servers.base import Server, SocketMaker

PLAIN_SIZE = 512
"""Bytes of an answer to somebody who offered no more (RFC 1035 section 4.2.1)."""
MAX_ALIASES = 8

Zone = Mapping[str, Sequence[ResourceRecord]]


def zone(hosts: Mapping[str, str | Sequence[str]], *, ttl: int = 300) -> dict[str, list[ResourceRecord]]:
    """A zone of names and addresses: {"www.lab.test": ["10.0.0.2", "fd00::2"], "web.lab.test": "www.lab.test"}.

    A value that is no address is an alias.
    """
    made: dict[str, list[ResourceRecord]] = {}
    for name, values in hosts.items():
        for value in (values,) if isinstance(values, str) else values:
            made.setdefault(name.lower().rstrip("."), []).append(_record(name, value, ttl))
    return made


def _record(name: str, value: str, ttl: int) -> ResourceRecord:
    if ":" in value:
        return AAAA(owner=name, ttl=ttl, address=value)
    if value.replace(".", "").isdecimal():
        return A(owner=name, ttl=ttl, address=value)
    return CNAME(owner=name, ttl=ttl, target=value)


class DNSServer(Server):
    """Answers queries for the names of `records` on port 53 of a host."""

    kind = socket.SOCK_DGRAM

    def __init__(self, host: SocketMaker, records: Zone, *, port: int = 53, origin: str = "test") -> None:
        super().__init__(host, port)
        self.records = records
        self.origin = origin

    def datagram(self, sock: socket.socket, data: bytes, peer: Any) -> None:
        """Answer one query; what is no query is left alone."""
        packet = decapsulate(data, DNS)
        asked = packet.get(DNS)
        if asked is None or asked.is_cut or asked.response or packet.faults:
            return
        answer = self.answer(asked)
        self.log.append(f"{peer[0]} {asked.questions[0].qname if asked.questions else '?'} {answer.response_code}")
        raw, limit = answer.encode(), PLAIN_SIZE
        for extra in asked.additionals:
            if isinstance(extra, OPT):
                limit = max(limit, extra.udp_size)
        if len(raw) > limit:
            raw = answer.replace(truncated=1, answers=(), answer_count=None).encode()
        sock.sendto(raw, peer)

    def answer(self, asked: DNS) -> DNS:
        """The answer to a query."""
        found: list[Record] = []
        code = 0
        if asked.opcode != 0 or len(asked.questions) != 1:
            code = 4
        else:
            question = asked.questions[0]
            name, exists = question.qname.lower().rstrip("."), False
            for _ in range(MAX_ALIASES):
                records = self.records.get(name, ())
                exists = exists or bool(records)
                found += [record for record in records if record.type == question.qtype or question.qtype == 255]
                alias = next((record for record in records if isinstance(record, CNAME)), None)
                if alias is None or question.qtype in (5, 255):
                    break
                found.append(alias)
                name = alias.target.lower().rstrip(".")
            code = 0 if exists else 3
        authority = () if found or code == 4 else (
            SOA(owner=self.origin, primary=f"ns.{self.origin}", mailbox=f"hostmaster.{self.origin}"),
        )  # fmt: skip
        return asked.replace(
            response=1, authoritative=1, recursion_available=0, response_code=code, answers=tuple(found),
            authorities=authority, additionals=tuple(one for one in asked.additionals if isinstance(one, OPT)),
            answer_count=None, authority_count=None, additional_count=None,
        )  # fmt: skip
