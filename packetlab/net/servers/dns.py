"""A small DNS server: authoritative for one or more zones, over UDP and TCP (RFC 1034, RFC 1035, RFC 7766).

It sets TC where an answer does not fit what the asker takes over UDP; the asker then comes back over TCP.
"""

import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from packetlab.application.dns import DNS, OPT, Question, Record
from packetlab.model.packet import decapsulate
from packetlab.net.servers.base import Server, SocketMaker, StreamServer
from packetlab.net.servers.zones import REFUSED, Answer, Records, Zone, lower, zone

__all__ = ["DNSServer", "Zone", "zone"]

PLAIN_SIZE = 512
"""Bytes of an answer to somebody who offered no more (RFC 1035 section 4.2.1)."""
LARGEST_DATAGRAM = 4096
"""Bytes of an answer over UDP, whatever was offered; a long answer to a forged question hits somebody else."""
IN, ANY_CLASS = 1, 255
NOT_IMPLEMENTED = 4


class DNSServer(Server):
    """Answers queries on port 53 of a host: from `zones`, or from plain records below `origin`."""

    kind = socket.SOCK_DGRAM
    recursion_available = 0

    def __init__(
        self, host: SocketMaker, zones: Zone | Sequence[Zone] | Records, *, port: int = 53, origin: str = "test"
    ) -> None:
        super().__init__(host, port)
        if isinstance(zones, Zone):
            self.zones = [zones]
        elif isinstance(zones, Sequence):
            self.zones = list(zones)
        else:
            self.zones = [Zone.of(origin, zones)]
        self._tcp = _OverTCP(host, port, self)

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._tcp.__enter__()
        except BaseException:
            super().__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tcp.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)

    @property
    def is_running(self) -> bool:
        """Whether it serves, over UDP and TCP."""
        return super().is_running and self._tcp.is_running

    def datagram(self, sock: socket.socket, data: bytes, peer: Any) -> None:
        """Answer one query; what is no query is left alone."""
        asked = question_of(data)
        if asked is not None:
            self.answer(asked, peer[0], lambda made: self._reply(sock, made, asked, peer))

    def _reply(self, sock: socket.socket, made: DNS, asked: DNS, peer: Any) -> None:
        raw, limit = made.encode(), PLAIN_SIZE
        for extra in asked.additionals:
            if isinstance(extra, OPT):
                limit = max(limit, min(extra.udp_size, LARGEST_DATAGRAM))
        if len(raw) > limit:
            raw = _shortened(made).encode()
        try:
            sock.sendto(raw, peer)
        except OSError as error:
            self.note_line(f"{peer[0]}: {error}")

    def answer(self, asked: DNS, peer: str, reply: Any) -> None:
        """Find the answer to a query, and hand it to `reply`, now or later."""
        made = self.respond(asked)
        self.note(asked, peer, made)
        reply(made)

    def note(self, asked: DNS, peer: str, made: DNS) -> None:
        """Write a line to the log: who asked what, and the response code."""
        what = asked.questions[0].qname if asked.questions else "?"
        self.note_line(f"{peer} {what} {made.response_code}")

    def respond(self, asked: DNS) -> DNS:
        """The answer to a query from the zones; the longest origin that fits is asked."""
        if asked.opcode != 0 or len(asked.questions) != 1:
            return self.message(asked, Answer(code=NOT_IMPLEMENTED, authoritative=False))
        question = asked.questions[0]
        if question.qclass not in (IN, ANY_CLASS):
            return self.message(asked, Answer(code=REFUSED, authoritative=False))
        fits = [one for one in self.zones if one.holds(lower(question.qname))]
        if not fits:
            return self.message(asked, Answer(code=REFUSED, authoritative=False))
        nearest = max(fits, key=lambda one: len(one.origin))
        return self.message(asked, nearest.answer(question.qname, question.qtype))

    def message(self, asked: DNS, found: Answer) -> DNS:
        """The message that carries an answer."""
        extensions = [one.replace(udp_size=LARGEST_DATAGRAM, options=(), data_length=None)
                      for one in asked.additionals if isinstance(one, OPT)][:1]  # fmt: skip
        return asked.replace(
            response=1, authoritative=int(found.authoritative), recursion_available=self.recursion_available,
            response_code=found.code, answers=found.answers, authorities=found.authorities,
            additionals=(*found.additionals, *extensions), answer_count=None, authority_count=None,
            additional_count=None,
        )  # fmt: skip


class _OverTCP(StreamServer):
    """The same answers over TCP, each message behind its length."""

    def __init__(self, host: SocketMaker, port: int, server: DNSServer) -> None:
        super().__init__(host, port)
        self._server = server
        self._unread: dict[socket.socket, bytes] = {}
        self._peers: dict[socket.socket, str] = {}

    def connected(self, sock: socket.socket, peer: Any) -> None:
        """A client connected."""
        self._peers[sock] = peer[0]

    def drop(self, sock: Any) -> None:
        """Close one connection and forget what it had sent."""
        self._unread.pop(sock, None)
        self._peers.pop(sock, None)
        super().drop(sock)

    def received(self, sock: socket.socket, data: bytes) -> None:
        """Answer every query that is complete."""
        unread = self._unread.get(sock, b"") + data
        while sock in self._open and len(unread) >= 2 and len(unread) >= 2 + int.from_bytes(unread[:2], "big"):
            size = int.from_bytes(unread[:2], "big")
            asked, unread = question_of(unread[2 : 2 + size]), unread[2 + size :]
            if asked is None:
                self.drop(sock)
                return
            self._server.answer(asked, self._peers[sock], lambda made: self._reply(sock, made))
        if sock in self._open:
            self._unread[sock] = unread

    def _reply(self, sock: socket.socket, made: DNS) -> None:
        raw = made.encode()
        if len(raw) > 65_535:
            raw = _shortened(made).encode()
        self.send(sock, len(raw).to_bytes(2, "big") + raw)


def _shortened(made: DNS) -> DNS:
    """The answer without records, marked as cut off."""
    extensions = tuple(one for one in made.additionals if isinstance(one, OPT))
    return made.replace(truncated=1, answers=(), authorities=(), additionals=extensions, answer_count=None,
                        authority_count=None, additional_count=None)  # fmt: skip


def question_of(data: bytes) -> DNS | None:
    """The query in a message, or None where it is no sound query."""
    packet = decapsulate(data, DNS)
    asked = packet.get(DNS)
    return None if asked is None or not is_whole(asked) or asked.response or packet.faults else asked


def is_whole(message: DNS) -> bool:
    """Whether nothing in it is cut off, neither the message nor one of its records."""
    rows: tuple[Any, ...] = () if message.is_cut else (*message.questions, *message.answers, *message.authorities,
                                                       *message.additionals)  # fmt: skip
    return not message.is_cut and all(isinstance(row, Record | Question) and not row.is_cut for row in rows)
