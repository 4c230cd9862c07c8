"""What handlers answer, and the bytes that become of it: lengths, chunks, conditions, ranges (RFC 9110, RFC 9112)."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from packetlab.net.servers.http_conditions import UNSATISFIABLE, is_known, wanted_range
from packetlab.net.servers.http_messages import Request, response_head

PIECE = 65_536
"""Bytes of a large body that are handed over at a time."""
NO_CONTENT = (204, 304)


class End(Enum):
    """How a connection ends in the middle of a response."""

    CLOSE = "in order"
    RESET = "with a reset"


CLOSE, RESET = End.CLOSE, End.RESET
Part = bytes | float | End
"""Of a response: bytes to send, a pause in seconds, or the end of the connection."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a handler answers. `chunks` instead of `body` is sent with chunked transfer coding."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[bytes, ...] = ()
    delay: float = 0.0
    """Seconds before the first byte."""
    stream: Iterable[Part] | None = None
    """Instead of `body`: its parts as they become ready, with pauses; `length` bytes in all."""
    length: int = 0
    raw: Iterable[Part] | None = None
    """Instead of everything else: what goes over the wire byte for byte; then the connection is closed."""


Handler = Callable[[Request], Response]


def json_response(value: object, status: int = 200) -> Response:
    """The value as JSON."""
    return Response(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


def conditional(request: Request, response: Response) -> Response:
    """The response, or what a condition of the request makes of it. Only whole bodies that are in memory."""
    asks = request.method in ("GET", "HEAD")
    if response.status != 200 or not response.body or response.chunks or response.stream is not None or not asks:
        return response
    headers = dict(response.headers)
    tag = headers.setdefault("ETag", f'"{hashlib.sha256(response.body).hexdigest()[:16]}"')
    if is_known(request, tag):
        return Response(status=304, headers=headers)
    found = wanted_range(request, len(response.body), tag)
    if found is None:
        return Response(response.body, headers=headers)
    return ranged(found, len(response.body), headers, lambda start, stop: response.body[start:stop])


def ranged(found: tuple[int, int], length: int, headers: Mapping[str, str],
           part: Callable[[int, int], bytes | Iterable[Part]]) -> Response:  # fmt: skip
    """The answer to a request for a part of a page of `length` bytes."""
    if found == UNSATISFIABLE:
        return Response(status=416, headers={"Content-Range": f"bytes */{length}"})
    start, stop = found
    told = dict(headers) | {"Content-Range": f"bytes {start}-{stop - 1}/{length}"}
    body = part(start, stop)
    if isinstance(body, bytes):
        return Response(body, 206, told)
    return Response(status=206, headers=told, stream=body, length=stop - start)


def as_bytes(request: Request, response: Response, is_last: bool) -> tuple[bytes, bytes]:
    """Head and body; ValueError where a header field cannot be written."""
    headers = {name: value for name, value in response.headers.items() if name.lower() != "connection"}
    headers["Connection"] = "close" if is_last else "keep-alive"
    body = b"".join(response.chunks) or response.body
    if response.chunks and request.version != "HTTP/1.0":
        headers["Transfer-Encoding"] = "chunked"
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in response.chunks if chunk) + b"0\r\n\r\n"
    elif response.status not in NO_CONTENT:
        headers["Content-Length"] = str(len(body) if response.stream is None else response.length)
    return response_head(response.status, headers), body


def exactly(parts: Iterable[Part], length: int) -> Iterator[Part]:
    """The parts of a body; where they are too few or too many, the connection must end: its length was said."""
    left = length
    for part in parts:
        if isinstance(part, bytes):
            if len(part) > left:
                yield part[:left]
                yield CLOSE
                return
            left -= len(part)
        yield part
    if left:
        yield CLOSE


def close(parts: Any) -> None:
    """Close what the parts of a response come from, where it can be closed."""
    function = getattr(parts, "close", None)
    if function is not None:
        function()
