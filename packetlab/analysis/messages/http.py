"""HTTP/1.x on a connection: requests and the responses to them, in order (RFC 9112 section 9.3).

A gap inside a body of known length leaves the body incomplete and reading goes on; any other gap, or bytes that are
no HTTP, end the message there, and reading begins anew where a segment begins with a start line. After CONNECT was
accepted, or the protocol was switched, the connection is no longer HTTP.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from packetlab.analysis.messages.records import HTTPExchange, HTTPPart
from packetlab.application.http import METHODS, HTTPMessage, HTTPParser

MAX_WAITING = 1000
"""Requests of one connection that wait for their responses."""
MAX_START = 16
_STARTS = tuple(method + b" " for method in METHODS)


def looks_like_request(data: bytes) -> bool:
    """Whether bytes begin with the start line of a request."""
    if data.startswith(_STARTS):
        return True
    method, _, rest = data[:300].partition(b" ")
    return 3 <= len(method) <= 20 and _is_method(method) and b" HTTP/1." in rest.split(b"\r\n")[0]


def _is_method(word: bytes) -> bool:
    """Of capital letters, as all methods are that are in use; RPC_IN_DATA, M-SEARCH."""
    return word.replace(b"_", b"").replace(b"-", b"").isalpha() and word.isupper()


def looks_like_response(data: bytes) -> bool:
    """Whether bytes begin with the status line of a response."""
    return data.startswith(b"HTTP/1.")


@dataclass(slots=True)
class Budget:
    """Bytes that all connections together may hold of bodies."""

    total: int
    used: int = 0


def _may_begin(data: bytes, direction: int) -> bool:
    """Whether more bytes could make a start line of these few."""
    if direction:
        return b"HTTP/1.".startswith(data)
    return len(data) < MAX_START and _is_method(data)


class _Side:
    def __init__(self, asked: list[str] | None, limit: int) -> None:
        self.parser: HTTPParser | None = None
        self.asked, self.limit = asked, limit
        self.begun: tuple[int, int] | None = None
        """(packet, time) in which the message under way begins."""
        self.head = b""
        """Bytes too few to be known as a start line."""

    def fresh(self) -> HTTPParser:
        self.parser = HTTPParser(asked=self.asked, limit=self.limit)
        self.begun = None
        return self.parser


class HTTPReader:
    """Both directions of one connection. `limit`: bytes of each body that are kept, while the budget lasts."""

    def __init__(self, stream: int, client: str, server: str, limit: int, budget: Budget | None = None) -> None:
        self._limit, self._budget, self._held = limit, budget or Budget(limit), 0
        self.stream, self.client, self.server = stream, client, server
        asked: list[str] = []
        self._asked = asked
        self._sides = (_Side(None, limit), _Side(asked, limit))
        self._requests: deque[HTTPPart] = deque()
        self.is_over = False
        """It is no longer HTTP."""

    def feed(self, direction: int, data: bytes, number: int, time: int) -> Iterator[HTTPExchange]:
        """Bytes of one direction (0 from the client); exchanges whose response is complete."""
        if self.is_over:
            return
        side = self._sides[direction]
        parser = side.parser
        if parser is None or parser.broken:
            data, side.head = side.head + data, b""
            if not (looks_like_response if direction else looks_like_request)(data):
                if _may_begin(data, direction):
                    side.head = data
                return
            parser = side.fresh()
        if side.begun is None:
            side.begun = (number, time)
        parser.limit = min(self._limit, parser.held + max(self._budget.total - self._budget.used, 0))
        for message in parser.feed(data):
            yield from self._complete(direction, message, side, number, time)
            if self.is_over:
                return
            side.begun = (number, time)
        if parser.broken:
            yield from self._broken(direction, side, parser, number, time)
        elif parser.head is None and not parser.waits:
            side.begun = None
        self._account()

    def missing(self, direction: int, length: int, number: int, time: int) -> Iterator[HTTPExchange]:
        """Bytes lack."""
        side = self._sides[direction]
        side.head = b""
        if side.parser is not None and not side.parser.broken and not side.parser.skip(length):
            yield from self._broken(direction, side, side.parser, number, time)

    def end(self, direction: int, number: int, time: int) -> Iterator[HTTPExchange]:
        """The direction is over."""
        side = self._sides[direction]
        if side.parser is not None and not self.is_over:
            message = side.parser.end()
            if message is not None:
                yield from self._complete(direction, message, side, number, time)
            side.parser = None

    def finish(self) -> Iterator[HTTPExchange]:
        """The connection is over: requests without a response."""
        for request in self._requests:
            yield HTTPExchange(self.stream, self.client, self.server, request, None)
        self._requests.clear()
        self._account()

    def _account(self) -> None:
        held = sum(side.parser.held for side in self._sides if side.parser is not None)
        if self._requests:
            held += sum(len(one.message.body) for one in self._requests)
        self._budget.used += held - self._held
        self._held = held

    def _broken(
        self, direction: int, side: _Side, parser: HTTPParser, number: int, time: int
    ) -> Iterator[HTTPExchange]:
        message, why = parser.end(), parser.broken
        if message is not None:
            message.is_complete = False
            message.faults.append(why)
            yield from self._complete(direction, message, side, number, time)
        side.begun = None

    def _complete(
        self, direction: int, message: HTTPMessage, side: _Side, number: int, time: int
    ) -> Iterator[HTTPExchange]:
        begun = side.begun or (number, time)
        part = HTTPPart(message, *begun, number, time)
        if message.is_request != (direction == 0):
            return
        if direction == 0:
            self._asked.append(message.start[0])
            if len(self._requests) >= MAX_WAITING:
                yield HTTPExchange(self.stream, self.client, self.server, self._requests.popleft(), None)
            self._requests.append(part)
            return
        if 100 <= message.status < 200 and message.status != 101:
            return  # "100 Continue" and its like announce the answer
        request = self._requests.popleft() if self._requests else None
        yield HTTPExchange(self.stream, self.client, self.server, request, part)
        connect = request is not None and request.message.start[0] == "CONNECT" and 200 <= message.status < 300
        self.is_over = self.is_over or connect or message.status == 101
