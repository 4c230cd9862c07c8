"""Table `http`: one row per HTTP exchange, a request with its response, on any port (messages/)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packetlab.analysis.messages import HTTPExchange, HTTPPart
from packetlab.analysis.tables.message_columns import endpoint, of_kind
from packetlab.analysis.tables.reading import Reading
from packetlab.analysis.tables.schema import ColumnSpec, TableSpec, by_rows

_C = ColumnSpec
COLUMNS = (
    _C("packet", "int64", "number of the packet in which the exchange begins"),
    _C("time", "time", "when that packet was captured, UTC"),
    _C("tcp_stream", "int64", "number of the TCP connection"),
    _C("client", "word", "IP address of the client"),
    _C("client_port", "uint16", "its port"),
    _C("server", "word", "IP address of the server"),
    _C("server_port", "uint16", "its port"),
    _C("request_packet", "int64", "packet in which the request begins; null where none was seen"),
    _C("request_last_packet", "int64", "packet in which it ends"),
    _C("request_time", "time", "when it began, UTC"),
    _C("method", "word", "GET, POST ..."),
    _C("host", "word", "header Host of the request"),
    _C("target", "text", "what was asked for, as it was written"),
    _C("user_agent", "word", "header User-Agent of the request"),
    _C("request_type", "word", "header Content-Type of the request"),
    _C("request_size", "int64", "bytes of the request's body that were captured, transfer coding removed"),
    _C("request_sha256", "text", "SHA-256 of these; null where there are none"),
    _C("response_packet", "int64", "packet in which the response begins; null where none was seen"),
    _C("response_last_packet", "int64", "packet in which it ends, as far as it was seen"),
    _C("response_start", "time", "when it began, UTC"),
    _C("response_end", "time", "when it ended, UTC"),
    _C("status", "uint16", "status of the response: 200 ..."),
    _C("reason", "word", "the words behind it"),
    _C("content_type", "word", "header Content-Type of the response"),
    _C("content_encoding", "word", "header Content-Encoding of the response: gzip ..."),
    _C("location", "text", "header Location of the response: where else to ask"),
    _C("size", "int64", "bytes of the response's body that were captured, transfer coding removed"),
    _C("sha256", "text", "SHA-256 of these; null where there are none"),
    _C("response_time", "float64", "seconds from the end of the request to the beginning of the response"),
    _C("complete", "bool", "request and response were seen, and nothing of them is missing"),
    _C("missing", "int64", "bytes of both bodies that the capture lacks"),
    _C("faults", "list", "what is wrong with the messages"),
)


def make(reading: Reading, wanted: Sequence[str]) -> Iterator[Mapping[str, list[Any]]]:
    """All exchanges, in the order in which they end."""
    return by_rows(COLUMNS, (_row(one) for one in of_kind(reading, HTTPExchange)))


def _header(part: HTTPPart | None, name: str) -> str | None:
    return part.message.header(name) if part is not None else None


def _digest(part: HTTPPart | None) -> str | None:
    return part.message.digest.hexdigest() if part is not None and part.message.size else None


def _row(one: HTTPExchange) -> tuple[Any, ...]:
    asked, answer = one.request, one.response
    parts = [part for part in (asked, answer) if part is not None]
    took = one.response_time
    return (
        one.number, one.time, one.stream, *endpoint(one.client), *endpoint(one.server),
        *((asked.number, asked.last, asked.time, asked.message.start[0]) if asked else (None,) * 4),
        _header(asked, "host"), asked.message.start[1] if asked else None, _header(asked, "user-agent"),
        _header(asked, "content-type"), asked.message.size if asked else None, _digest(asked),
        *((answer.number, answer.last, answer.time, answer.last_time) if answer else (None,) * 4),
        *((answer.message.status, answer.message.start[2]) if answer else (None, None)),
        _header(answer, "content-type"), _header(answer, "content-encoding"), _header(answer, "location"),
        answer.message.size if answer else None, _digest(answer), None if took is None else took / 1e9,
        len(parts) == 2 and all(part.message.is_complete and not part.message.missing for part in parts),
        sum(part.message.missing for part in parts), [text for part in parts for text in part.message.faults],
    )  # fmt: skip


SPEC = TableSpec("http", "one row per HTTP exchange: request and response", COLUMNS, make)
