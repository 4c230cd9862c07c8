"""All messages of a capture in one pass: TCP connections are followed, and known by what they say, not by port.

Messages come in the order in which they are complete: an HTTP exchange with the end of its response, a TLS handshake
when nothing more can be learnt of it, a DNS message at once. `MAX_BODIES` bytes of bodies are kept in all the
exchanges under way; sizes and SHA-256 are those of the whole body in any case.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from packetlab.analysis.filter import Filter
from packetlab.analysis.messages.dns import DNSOverTCP, DNSOverUDP, Questions, looks_like_dns
from packetlab.analysis.messages.http import Budget, HTTPReader, looks_like_request, looks_like_response
from packetlab.analysis.messages.records import Message, TLSHandshake
from packetlab.analysis.messages.tls import TLSReader, looks_like_tls
from packetlab.analysis.segments import SegmentReader
from packetlab.analysis.streams.reader import Closed, Data, Event, Missing, Opened, StreamReader
from packetlab.capture.index import chunks
from packetlab.capture.source import CapturePath
from packetlab.model.addresses import ip_text

KINDS = ("http", "dns", "tls")
KEPT_BODY = 65_536
"""Bytes of each HTTP body that are kept where nobody asks for more."""
MAX_BODIES = 256 << 20
ENOUGH = 16
"""Bytes by which HTTP and TLS are known."""
MAX_TRIES = 4
"""Runs of bytes of a connection that may be DNS; HTTP and TLS may begin later (STARTTLS, a proxy's tunnel)."""

_Reader = HTTPReader | DNSOverTCP | TLSReader


class _Connection:
    __slots__ = ("client", "endpoints", "held", "reader", "tried", "tunnel")

    def __init__(self, opened: Opened) -> None:
        self.endpoints, self.client = opened.endpoints, opened.client
        self.reader: _Reader | None = None
        self.held: list[Data | None] = [None, None]
        """Per direction, bytes too few to be known."""
        self.tried = 0
        self.tunnel = False
        """A proxy passes on what it does not read, or another protocol took over."""


class MessageReader:
    """Takes the events of TCP connections, gives their messages. `kept`: bytes of each body that are kept."""

    def __init__(self, kinds: Iterable[str] = KINDS, kept: int = KEPT_BODY) -> None:
        self.kinds, self.kept = set(kinds), kept
        self.questions = Questions()
        self._budget = Budget(MAX_BODIES)
        self._connections: dict[int, _Connection] = {}

    def take(self, event: Event) -> Iterator[Message]:
        """One event of streams/reader.py."""
        if isinstance(event, Opened):
            self._connections[event.stream] = _Connection(event)
            return
        connection = self._connections.get(event.stream)
        if connection is None:
            return
        if isinstance(event, Closed):
            yield from self._closed(event, connection)
            return
        if isinstance(event, Missing):
            connection.held[event.direction] = None
            yield from self._missing(connection.reader, event.direction ^ connection.client, event)
            return
        if connection.reader is None:
            held = connection.held[event.direction]
            for tried in (_joined(held, event), event) if held is not None else (event,):
                connection.reader = self._known_by(tried, connection)
                if connection.reader is not None:
                    event = tried
                    break
            else:
                joined = _joined(held, event) if held is not None else event
                fewer = next((one for one in (joined, event) if len(one.data) < ENOUGH), None)
                connection.held[event.direction] = fewer
                connection.tried += fewer is None
                return
        # Who the client is may have been corrected by what was said first.
        yield from self._data(connection.reader, event.direction ^ connection.client, event)
        if isinstance(connection.reader, HTTPReader) and connection.reader.is_over:
            yield from connection.reader.finish()
            connection.reader, connection.tunnel, connection.held = None, True, [None, None]

    def finish(self) -> Iterator[Message]:
        """What is under way at the end of the capture."""
        for connection in self._connections.values():
            yield from self._end(connection)
        self._connections.clear()

    def _known_by(self, event: Data, connection: _Connection) -> _Reader | None:
        """Who reads this connection, by the bytes that one side begins with."""
        data, stream = event.data, event.stream
        from_client = None
        if connection.tunnel and not looks_like_tls(data):
            return None
        if "http" in self.kinds and (looks_like_request(data) or looks_like_response(data)):
            from_client, kind = not looks_like_response(data), "http"
        elif "tls" in self.kinds and looks_like_tls(data):
            from_client, kind = data[5] == 1, "tls"
        elif "dns" in self.kinds and connection.tried < MAX_TRIES and looks_like_dns(data):
            from_client, kind = not data[4] & 0x80, "dns"
        if from_client is None:
            return None
        connection.client = event.direction if from_client else event.direction ^ 1
        ends = connection.endpoints
        client, server = ends.text(connection.client), ends.text(connection.client ^ 1)
        if kind == "http":
            return HTTPReader(stream, client, server, self.kept, self._budget)
        if kind == "tls":
            return TLSReader(TLSHandshake(stream, client, server, event.number, event.time))
        pairs = ((ip_text(ends.src), ends.src_port), (ip_text(ends.dst), ends.dst_port))
        return DNSOverTCP(self.questions, stream, (pairs[1], pairs[0]) if connection.client else pairs)

    def _data(self, reader: _Reader, direction: int, event: Data) -> Iterator[Message]:
        if isinstance(reader, TLSReader):
            was_done = reader.is_done
            reader.feed(direction, event.data, event.number, event.time)
            if reader.is_done and not was_done:
                yield from _learnt(reader)
        else:
            yield from reader.feed(direction, event.data, event.number, event.time)

    def _missing(self, reader: _Reader | None, direction: int, event: Missing) -> Iterator[Message]:
        if isinstance(reader, HTTPReader):
            yield from reader.missing(direction, event.length, event.number, event.time)
        elif isinstance(reader, TLSReader):
            was_done = reader.is_done
            reader.end(direction)
            if reader.is_done and not was_done:
                yield from _learnt(reader)
        elif isinstance(reader, DNSOverTCP):
            reader.end(direction)

    def _closed(self, event: Closed, connection: _Connection) -> Iterator[Message]:
        if event.direction >= 0 and isinstance(connection.reader, HTTPReader):
            yield from connection.reader.end(event.direction ^ connection.client, event.number, event.time)
        if event.direction < 0:
            if isinstance(connection.reader, HTTPReader):
                for direction in (0, 1):
                    yield from connection.reader.end(direction, event.number, event.time)
            yield from self._end(connection)
            del self._connections[event.stream]

    def _end(self, connection: _Connection) -> Iterator[Message]:
        reader = connection.reader
        if isinstance(reader, HTTPReader):
            yield from reader.finish()
        elif isinstance(reader, TLSReader) and not reader.is_done:
            reader.end(0)
            reader.end(1)
            yield from _learnt(reader)


def _joined(before: Data, event: Data) -> Data:
    return Data(event.stream, event.direction, before.data + event.data, before.offset, before.number, before.time)


def _learnt(reader: TLSReader) -> Iterator[Message]:
    if reader.found.hello is not None or reader.found.answer is not None:
        yield reader.found


def messages(
    source: CapturePath | BinaryIO,
    where: Filter | None = None,
    kinds: Iterable[str] = KINDS,
    *,
    kept: int = KEPT_BODY,
    advance: Callable[[float], None] = lambda part: None,
) -> Iterator[Message]:
    """The messages of a capture: HTTPExchange, DNSMessage, TLSHandshake.

    `where`: datagrams that fit, and TCP connections of which a packet fits (found in a first pass). `kept`: bytes of
    each HTTP body that are kept. `advance` is told how much of the file has been read, from 0 to 1.
    """
    import packetlab.protocols  # noqa: F401
    from packetlab.analysis.streams.reader import matching_streams

    wanted = set(kinds)
    only = matching_streams(source, where) if where is not None else None
    reader, numbers, streams = MessageReader(wanted, kept), SegmentReader(), StreamReader(only)
    datagrams = DNSOverUDP(reader.questions)
    first: int | None = None
    with chunks(source) as index:
        size = index._source.regular_size or 0
        for chunk in index:
            first = int(chunk.packets.time[0]) if first is None and len(chunk) else first
            if "dns" in wanted:
                yield from datagrams.read(chunk, where.select(chunk, first or 0) if where is not None else None)
            for event in streams.add(numbers.read(chunk), numbers.streams):
                yield from reader.take(event)
            if size and len(chunk):
                advance(int(chunk.packets.offset[-1]) / size)
    for event in streams.finish():
        yield from reader.take(event)
    yield from reader.finish()
