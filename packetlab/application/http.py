"""HTTP/1.1 messages: a start line, header fields, a body (RFC 9112).

A message in one segment is a header class like any other: its lines are fields of variable length, kept byte for
byte. `HTTPParser` reads a whole stream, however it was cut into segments: bodies with a length, chunked ones,
pipelined messages; it holds no more than MAX_HEAD and MAX_BODY bytes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packetlab.model.errors import UsageError
from packetlab.model.fault import Fault
from packetlab.model.fields import NeedMore, Variable, variable
from packetlab.model.header import ANY, Header
from packetlab.transport.tcp import TCP

METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH")
MAX_HEAD = 65_536
MAX_BODY = 16 << 20
MAX_DIGITS = 18
"""Of a Content-Length."""
PORTS = (80, 8080, 8000, 3128)


class Text(str):
    """Text of a line, without the separator behind it; `wire` is how it was written, separator included."""

    wire: bytes

    def __new__(cls, text: str, wire: bytes) -> "Text":
        made = super().__new__(cls, text)
        made.wire = wire
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Text, (str(self), self.wire)


class Line(Variable):
    """Text up to a separator: a space, or the end of the line."""

    empty = ""
    minimum = 0

    def __init__(self, *, until: bytes = b"\r\n") -> None:
        self.until = until

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[str, int]:
        at = data.find(self.until, pos, end)
        if self.until == b" ":  # a word never goes on in the next line: a start line may lack its last ones
            stop = data.find(b"\n", pos, end if at < 0 else at)
            if stop >= 0:
                stop -= stop > pos and data[stop - 1] == 0x0D
                return Text(data[pos:stop].decode("latin-1"), data[pos:stop]), stop
        if at < 0 and self.until == b"\r\n":
            at = data.find(b"\n", pos, end)  # "a recipient MAY recognize a single LF as a line terminator"
            if at >= 0:
                return Text(data[pos:at].decode("latin-1"), data[pos : at + 1]), at + 1
        if at < 0:
            raise NeedMore(end - pos + 1, end - pos)
        after = at + len(self.until)
        return Text(data[pos:at].decode("latin-1"), data[pos:after]), after

    def build(self, value: str, header: Any) -> bytes:
        return value.wire if isinstance(value, Text) else value.encode("latin-1") + self.until

    def convert(self, value: Any) -> str:
        if isinstance(value, Text):
            return value
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if self.until.decode() in text or "\n" in text:
            raise UsageError(f"{text[:40]!r} would end early: it holds the separator that ends it")
        try:
            return Text(text, text.encode("latin-1") + self.until)
        except UnicodeEncodeError:
            raise UsageError(f"{text[:40]!r} has characters that HTTP/1.1 cannot write") from None


class FieldLines(Variable):
    """Header fields, one a line, and the empty line behind them; kept as the text they are."""

    empty = "\r\n"

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[str, int]:
        stop = _blank_line(data, pos, end)
        if stop < 0:  # the head goes on in the next segment
            return data[pos:end].decode("latin-1"), end
        return data[pos:stop].decode("latin-1"), stop

    def build(self, value: str, header: Any) -> bytes:
        return value.encode("latin-1")

    def convert(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if not isinstance(value, Mapping):
            raise UsageError(f"header fields are a mapping or text, not {value!r}")
        return field_lines(value)

    def text(self, value: str) -> str:
        return "; ".join(value.split("\r\n")).rstrip("; ")


def field_lines(headers: Mapping[str, object]) -> str:
    """Header fields as the lines of a head, the empty line behind them included."""
    return "".join(f"{name}: {content}\r\n" for name, content in headers.items()) + "\r\n"


def _blank_line(data: bytes, pos: int, end: int) -> int:
    """The byte behind the empty line that ends a head, or -1."""
    if data.startswith(b"\r\n", pos, end):
        return pos + 2
    at = data.find(b"\r\n\r\n", pos, end)
    other = data.find(b"\n\n", pos, end if at < 0 else at)
    if other >= 0:
        return other + 2
    return at + 4 if at >= 0 else -1


def _is_request(data: bytes, pos: int, end: int) -> bool:
    start = data[pos : min(end, pos + 8)]
    return start.partition(b" ")[0] in METHODS and b" " in start


def _is_response(data: bytes, pos: int, end: int) -> bool:
    return data.startswith(b"HTTP/", pos) and pos + 9 <= end and data[pos + 8 : pos + 9] == b" "


_FIRST_BYTES = frozenset(method[0] for method in (*METHODS, b"HTTP"))


def _is_message(data: bytes, pos: int, end: int) -> bool:
    if data[pos] not in _FIRST_BYTES:
        return False  # asked of every TCP payload: nearly all of them end here
    return _is_request(data, pos, end) or _is_response(data, pos, end)


_is_message.starts = (*METHODS, b"HTTP")  # type: ignore[attr-defined]  # so that columns ask the likely ones alone


def _which(data: bytes, pos: int, end: int) -> Any:
    return HTTPRequest if _is_request(data, pos, end) else HTTPResponse if _is_response(data, pos, end) else None


class HTTP(
    Header,
    ref="RFC 9112",
    rides={TCP: (*PORTS, ANY)},
    accepts=_is_message,
    variant=_which,
    name="http",
    wireshark="http",
):
    """Asks a server for a resource by name, and answers: the web."""


class HTTPRequest(HTTP, ref="RFC 9112 section 3", name="http.request", wireshark="http.request"):
    """What a client wants: a method, a target, fields that say more."""

    method: str = variable("what to do with the target", Line(until=b" "), wireshark="http.request.method")
    target: str = variable("which resource", Line(until=b" "), wireshark="http.request.uri")
    version: str = variable("which HTTP", Line(), wireshark="http.request.version")
    headers: str = variable("more about the request: the host's name, what the client takes", FieldLines(),
                            unnamed="Wireshark names each field")  # fmt: skip


class HTTPResponse(HTTP, ref="RFC 9112 section 4", name="http.response", wireshark="http.response"):
    """What the server answers: a status, fields, and the resource."""

    version: str = variable("which HTTP", Line(until=b" "), wireshark="http.response.version")
    status: str = variable("how it went: 2xx well, 3xx elsewhere, 4xx your fault, 5xx mine", Line(until=b" "),
                           wireshark="http.response.code")  # fmt: skip
    reason: str = variable("the same in words", Line(), wireshark="http.response.phrase")
    headers: str = variable("more about the answer: its type, its length", FieldLines(),
                            unnamed="Wireshark names each field")  # fmt: skip


# ---------------------------------------------------------------- whole streams


@dataclass(slots=True)
class HTTPMessage:
    """One message of a stream, its body put together."""

    start: tuple[str, str, str]
    """Method, target, version of a request; version, status, reason of a response."""
    headers: list[tuple[str, str]]
    body: bytes = b""
    """Transfer coding removed; as much as the parser keeps."""
    is_request: bool = True
    is_complete: bool = False
    faults: list[str] = field(default_factory=list)
    size: int = 0
    """Bytes of the body that came, kept or not."""
    missing: int = 0
    """Bytes of the body that were lost."""
    digest: Any = field(default_factory=hashlib.sha256, repr=False, compare=False)
    """SHA-256 of the body that came."""

    def header(self, name: str) -> str | None:
        """The value of a field, whatever its letters' case; the first where it stands several times."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def status(self) -> int:
        """A response's status; 0 for a request."""
        code = self.start[1]
        return int(code) if not self.is_request and len(code) == 3 and code.isdecimal() else 0


class HTTPParser:
    """Reads messages of one direction of a connection as bytes arrive, in any pieces.

    `feed` bytes, take `messages`; `end` when the peer has closed. For responses, `asked` names the methods of the
    requests in order: the answer to HEAD has no body whatever its fields say.
    """

    def __init__(self, *, asked: list[str] | None = None, limit: int = MAX_BODY) -> None:
        """`limit`: bytes of a body that are kept."""
        self.limit = limit
        self._kept = bytearray()
        self._data = bytearray()
        self._current: HTTPMessage | None = None
        self._left: int | None = 0
        self._chunked = False
        self._trailers = False
        self._asked = asked if asked is not None else []
        self.broken = ""
        """Why nothing more can be read, where that is so."""

    def feed(self, data: bytes) -> Iterator[HTTPMessage]:
        """Take in bytes; yields every message that is complete with them."""
        self._data += data
        while not self.broken:
            if self._current is None and not self._head():
                return
            if self._current is not None:
                if not self._body():
                    return
                message, self._current = self._current, None
                message.is_complete = True
                self._give_body(message)
                yield message

    def end(self) -> HTTPMessage | None:
        """The peer closed: the message under way, complete only if it had no length of its own."""
        message, self._current = self._current, None
        if message is None:
            return None
        self._give_body(message)
        if self._left is None:
            message.is_complete = True
        else:
            message.faults.append("the connection ended before the body did")
        return message

    @property
    def head(self) -> HTTPMessage | None:
        """The message whose head has arrived and whose body has not."""
        return self._current

    @property
    def waits(self) -> bool:
        """Whether bytes have come of which no message could be made yet."""
        return bool(self._data)

    def _head(self) -> bool:
        while self._data[:2] == b"\r\n":
            del self._data[:2]  # "a server ... SHOULD ignore at least one empty line (CRLF) received prior"
        stop = _blank_line(bytes(self._data[:MAX_HEAD]), 0, min(len(self._data), MAX_HEAD))
        if stop < 0:
            if len(self._data) >= MAX_HEAD:
                self.broken = f"a head of more than {MAX_HEAD} bytes"
            return False
        lines = bytes(self._data[:stop]).decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n")
        del self._data[:stop]
        parts = lines[0].split(" ", 2)
        named = parts[0].startswith("HTTP/") or parts[-1].startswith("HTTP/")
        if not (named and len(parts) > 1) and parts[0].encode("latin-1") not in METHODS:  # HTTP/0.9 has no version
            self.broken = f"no HTTP/1 message begins with {lines[0][:40]!r}"
            return False
        parts += [""] * (3 - len(parts))
        headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        message = HTTPMessage((parts[0], parts[1], parts[2]), headers, is_request=not parts[0].startswith("HTTP/"))
        self._current = message
        self._left = self._length(message)
        return not self.broken

    def _length(self, message: HTTPMessage) -> int | None:
        """Bytes of the body, None for "until the end"; sets `chunked` (RFC 9112 section 6.3)."""
        self._chunked = self._trailers = False
        if not message.is_request:
            if 100 <= message.status < 200 and message.status != 101:
                return 0  # the answer proper is still to come
            method = self._asked.pop(0) if self._asked else ""
            if method == "HEAD" or message.status in (101, 204, 304):
                return 0
            if method == "CONNECT" and 200 <= message.status < 300:
                return 0  # "will become a tunnel immediately after the empty line"
        if "chunked" in (message.header("transfer-encoding") or "").lower():
            self._chunked = True
            return 0
        length = message.header("content-length")
        if length is None:
            return 0 if message.is_request else None
        if not length.isdecimal() or len(length) > MAX_DIGITS:
            self.broken = f"Content-Length is {length[:40]!r}"
            return 0
        return int(length)

    def _body(self) -> bool:
        message = self._current
        assert message is not None
        if self._chunked:
            return self._chunks(message)
        take = len(self._data) if self._left is None else min(self._left, len(self._data))
        self._keep(message, bytes(self._data[:take]))
        del self._data[:take]
        if self._left is None:
            return False
        self._left -= take
        return self._left == 0

    def _chunks(self, message: HTTPMessage) -> bool:
        while True:
            if self._left:
                take = min(self._left, len(self._data))
                self._keep(message, bytes(self._data[:take]))
                del self._data[:take]
                self._left -= take
                if self._left:
                    return False
                self._left = 0
            line = self._data.find(b"\r\n")
            if line < 0:
                if len(self._data) > MAX_HEAD:
                    self.broken = "a chunk's length line has no end"
                return False
            text = bytes(self._data[:line])
            del self._data[: line + 2]
            if self._trailers:
                if not text:
                    return True
                continue
            if not text:
                continue  # the line end behind a chunk
            size = text.partition(b";")[0].strip()
            if not size or any(byte not in b"0123456789abcdefABCDEF" for byte in size) or len(size) > 15:
                self.broken = f"a chunk's length is {text[:20]!r}"
                return False
            self._left = int(size, 16)
            if self._left == 0:
                self._trailers = True

    def _keep(self, message: HTTPMessage, data: bytes) -> None:
        message.digest.update(data)
        room = max(self.limit - len(self._kept), 0) if message.size == len(self._kept) else 0
        self._kept += data[:room]
        message.size += len(data)

    def _give_body(self, message: HTTPMessage) -> None:
        message.body = bytes(self._kept)
        if message.size > len(message.body) and self.limit:  # with a limit of 0 nobody wants any
            message.faults.append(f"only the first {len(message.body)} bytes of the body are kept")
        self._kept.clear()

    @property
    def held(self) -> int:
        """Bytes in memory: of the body under way, and of what could not be read yet."""
        return len(self._kept) + len(self._data)

    def skip(self, length: int) -> bool:
        """`length` bytes are lost. True where they lay inside a body of known length, and reading goes on."""
        if self._current is None or self._chunked or self._data or (self._left is not None and length > self._left):
            self.broken = f"{length} bytes are missing"
            return False
        self._current.missing += length
        if self._left is not None:
            self._left -= length
        return True
