"""A small HTTP/1.1 server: pages from a mapping or a folder, keep-alive, chunked bodies, JSON, conditional GET, ranges.

A handler turns a Request into a Response. While one response goes out nothing more is read from its connection, so
pipelined requests wait in the kernel and not here. A response may pause (see `delay` and `stream`): others are served
meanwhile. Requests are read by http_messages.py; behaviours.py has a handler that misbehaves on request.
"""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packetlab.net.servers.base import SocketMaker, StreamServer
from packetlab.net.servers.http_messages import (
    MAX_BODY,
    MAX_HEAD,
    REASONS,
    Refused,
    Request,
    RequestReader,
    response_head,
)
from packetlab.net.servers.http_responses import (
    CLOSE,
    NO_CONTENT,
    PIECE,
    RESET,
    End,
    Handler,
    Part,
    Response,
    as_bytes,
    close,
    conditional,
    exactly,
    json_response,
)
from packetlab.net.servers.pages import from_folder, from_pages

__all__ = ["CLOSE", "MAX_BODY", "MAX_HEAD", "REASONS", "RESET", "HTTPServer", "Handler", "Part", "Request", "Response",
           "from_folder", "from_pages", "json_response"]  # fmt: skip

MAX_PAUSE = 60.0
"""Seconds that the pauses of one response may last together."""
PATIENCE = 60.0
"""Seconds from the first byte of a request to its last one."""


@dataclass(slots=True)
class _Talk:
    """Where one connection stands."""

    reader: RequestReader
    parts: Iterator[Part] | None = None
    """What is still to go out of the response that has begun."""
    is_last: bool = False
    is_pausing: bool = False
    pauses: float = 0.0


class HTTPServer(StreamServer):
    """HTTP/1.1 (RFC 9112) on one port of a host; `handler` maps a Request to a Response."""

    def __init__(self, host: SocketMaker, port: int, handler: Handler, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(host, port, tls=tls)
        self.handler = handler
        self._talks: dict[socket.socket, _Talk] = {}

    def connected(self, sock: socket.socket, peer: Any) -> None:
        """A client connected."""
        super().connected(sock, peer)
        self._talks[sock] = _Talk(RequestReader(peer[0]))

    def drop(self, sock: socket.socket) -> None:
        """Close one connection and forget what it had sent."""
        talk = self._talks.pop(sock, None)
        if talk is not None:
            close(talk.parts)
        super().drop(sock)

    def received(self, sock: socket.socket, data: bytes) -> None:
        """Answer every request that is complete; pipelined ones in order."""
        self._talks[sock].reader.take(data)
        self._advance(sock)

    def drained(self, sock: socket.socket) -> None:
        """The peer has taken all that was sent: go on."""
        self._advance(sock)

    def _advance(self, sock: socket.socket) -> None:
        """As far as it goes: the rest of a response, the next request, its response."""
        while (talk := self._talks.get(sock)) is not None and self.is_drained(sock) and not talk.is_pausing:
            if talk.parts is None:
                if talk.is_last or not self._take_request(sock, talk):
                    return
            elif not self._send_part(sock, talk, talk.parts):
                return

    def _take_request(self, sock: socket.socket, talk: _Talk) -> bool:
        """Begin to answer the next request; False where none is complete."""
        try:
            request = talk.reader.next_request()
        except Refused as error:
            self._refuse(sock, talk, error.status)
            return False
        if request is None:
            if talk.reader.wants_continue:
                talk.reader.wants_continue = False
                self.send(sock, b"HTTP/1.1 100 Continue\r\n\r\n")
            if sock in self._open and talk.reader.has_begun and sock not in self._timers:
                self.later(sock, PATIENCE, lambda: self._refuse(sock, talk, 408))
            return False
        self._timers.pop(sock, None)
        self.hold(sock)
        talk.parts, talk.is_last, talk.pauses = self._answer(request, talk), False, 0.0
        return True

    def _send_part(self, sock: socket.socket, talk: _Talk, parts: Iterator[Part]) -> bool:
        """One step of a response; False where it pauses, or the connection ends."""
        part = next(parts, None)
        if isinstance(part, bytes):
            self.send(sock, part)
        elif part is None:
            talk.parts = None
            if talk.is_last:
                self.finish(sock)
                return False
            self.hold(sock, False)
        elif isinstance(part, End):
            if part is RESET:
                self.abort(sock)
            else:
                self.finish(sock)
            return False
        elif talk.pauses + part > MAX_PAUSE + 0.001:  # sums of fractions are not exact
            self.note_line(f"a response would pause for more than {MAX_PAUSE:g} s: closed")
            self.finish(sock)
            return False
        else:
            talk.pauses += part
            talk.is_pausing = True
            self.later(sock, part, lambda: self._wake_up(sock, talk))
            return False
        return True

    def _wake_up(self, sock: socket.socket, talk: _Talk) -> None:
        talk.is_pausing = False
        self._advance(sock)

    def _refuse(self, sock: socket.socket, talk: _Talk, status: int) -> None:
        self.note_line(f"{talk.reader.peer} - - {status}")
        talk.is_last = True
        self.send(sock, response_head(status, {"Content-Length": "0", "Connection": "close"}))
        self.finish(sock)

    def _answer(self, request: Request, talk: _Talk) -> Iterator[Part]:
        """The parts of the answer to a request; says in `talk` whether it is the last one."""
        try:
            response = self.handler(request)
        except Exception as error:
            self.note_line(f"{request.target}: {error!r}")
            response = Response(b"the handler failed\n", 500)
        try:
            if response.delay:
                yield response.delay
            if response.raw is not None:
                self.note_line(f"{request.peer} {request.method} {request.target} raw")
                talk.is_last = True
                yield from response.raw
                return
            response = conditional(request, response)
            talk.is_last = not request.keeps_alive or response.headers.get("Connection", "").lower() == "close"
            try:
                head, body = as_bytes(request, response, talk.is_last)
            except ValueError as error:  # a header field with a line end in it, say
                self.note_line(f"{request.target}: {error}")
                response, talk.is_last = Response(status=500), True
                head, body = as_bytes(request, response, True)
            self.note_line(f"{request.peer} {request.method} {request.target} {response.status}")
            if request.method == "HEAD" or response.status in NO_CONTENT:
                yield head
            elif response.stream is not None:
                yield head
                yield from exactly(response.stream, response.length)
            else:
                whole = memoryview(head + body)
                for start in range(0, len(whole), PIECE):
                    yield bytes(whole[start : start + PIECE])
        finally:
            close(response.stream)
            close(response.raw)
