"""Requests out of bytes, without I/O (RFC 9112): strict where a loose reading could take a body for a request.

`RequestReader` is given what arrives on a connection and gives complete requests. It raises Refused for what no
server should guess at: two different lengths, a length together with chunks, a line that is no field. Nothing in it
grows beyond MAX_HEAD and MAX_BODY.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

MAX_HEAD = 16384
"""Bytes of a request line with its header fields; a longer one is answered 431."""
MAX_FIELDS = 100
"""Header fields of a request; more are answered 431."""
MAX_BODY = 1 << 20
"""Bytes of a request's body; a longer one is answered 413."""
MAX_CHUNK_LINE = 256
"""Bytes of the line that opens a chunk."""

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
           301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
           308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 410: "Gone", 411: "Length Required",
           412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
           416: "Range Not Satisfiable", 417: "Expectation Failed", 418: "I'm a teapot",
           422: "Unprocessable Content", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
           500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
           504: "Gateway Timeout", 505: "HTTP Version Not Supported"}  # fmt: skip

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VERSION = re.compile(r"HTTP/(\d)\.(\d)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;.*)?", re.DOTALL)


class Refused(Exception):
    """The request is answered with `status`, and the connection closed: where the next one begins is not known."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as a handler sees it; header names are in small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    peer: str
    version: str = "HTTP/1.1"

    @property
    def path(self) -> str:
        """The target without scheme, host and query."""
        target = self.target
        if "://" in target.split("?")[0]:
            target = "/" + target.split("://", 1)[1].partition("/")[2]
        return target.partition("?")[0].partition("#")[0]

    def words(self, name: str) -> list[str]:
        """A header field that is a list, in small letters: Connection: keep-alive, Upgrade."""
        return [word.strip().lower() for word in self.headers.get(name, "").split(",") if word.strip()]

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection is for more requests (RFC 9112 section 9.3)."""
        return self.version != "HTTP/1.0" and "close" not in self.words("connection")


class RequestReader:
    """What has arrived of the requests of one connection."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self._unread = bytearray()
        self._head: Request | None = None
        self._length: int | None = None
        """Of the body; None where it comes in chunks."""
        self._body = bytearray()
        self._left = 0
        """Bytes of the current chunk that are still to come."""
        self._ends_chunk = False
        self._in_trailer = False
        self._trailer = 0
        self.wants_continue = False
        """The client waits for a word before it sends the body (RFC 9110 section 10.1.1)."""

    @property
    def has_begun(self) -> bool:
        """Whether a part of a request is there."""
        return bool(self._unread) or self._head is not None

    def take(self, data: bytes) -> None:
        """More bytes."""
        self._unread += data

    def next_request(self) -> Request | None:
        """The next complete request, or None; Refused where there cannot be one."""
        if self._head is None and not self._read_head():
            return None
        head = self._head
        assert head is not None
        if not (self._read_chunks() if self._length is None else self._read_body(self._length)):
            return None
        done = Request(head.method, head.target, head.headers, bytes(self._body), self.peer, head.version)
        self._head, self._body, self.wants_continue = None, bytearray(), False
        return done

    def _read_head(self) -> bool:
        while self._unread.startswith(b"\r\n"):  # section 2.2: "SHOULD ignore at least one empty line"
            del self._unread[:2]
        end = self._unread.find(b"\r\n\r\n", 0, MAX_HEAD + 4)
        if end < 0:
            if len(self._unread) > MAX_HEAD:
                raise Refused(431)
            return False
        lines = self._unread[:end].decode("latin-1").split("\r\n")
        del self._unread[: end + 4]
        method, target, version = _request_line(lines[0])
        headers = _fields(lines[1:])
        coding = headers.get("transfer-encoding")
        if coding is not None:
            # Section 6.1: a length beside chunks "might indicate an attempt to perform request smuggling".
            if "content-length" in headers or version == "HTTP/1.0":
                raise Refused(400)
            if coding.lower() != "chunked":
                raise Refused(501)
            self._length, self._in_trailer, self._trailer = None, False, 0
        else:
            self._length = _length(headers.get("content-length", "0"))
        if version != "HTTP/1.0" and "host" not in headers:
            raise Refused(400)  # section 3.2: "MUST respond with a 400"
        expected = headers.get("expect", "").lower()
        if expected and expected != "100-continue":
            raise Refused(417)
        self.wants_continue = bool(expected) and version != "HTTP/1.0" and self._length != 0 and not self._unread
        self._head = Request(method, target, headers, b"", self.peer, version)
        return True

    def _read_body(self, length: int) -> bool:
        if len(self._unread) < length:
            return False
        self._body = self._unread[:length]
        del self._unread[:length]
        return True

    def _read_chunks(self) -> bool:
        """Takes chunks as they come (section 7.1); True when the last one and the trailer are there."""
        while True:
            if self._left:
                piece = self._unread[: self._left]
                self._body += piece
                del self._unread[: len(piece)]
                self._left -= len(piece)
                if self._left:
                    return False
                self._ends_chunk = True
            if self._ends_chunk:
                if len(self._unread) < 2:
                    return False
                if self._unread[:2] != b"\r\n":
                    raise Refused(400)
                del self._unread[:2]
                self._ends_chunk = False
            line = self._line(MAX_HEAD if self._in_trailer else MAX_CHUNK_LINE)
            if line is None:
                return False
            if self._in_trailer:
                self._trailer += len(line) + 2
                if self._trailer > MAX_HEAD:
                    raise Refused(431)
                if not line:
                    return True
                continue  # section 7.1.2: a recipient "MAY ignore" trailer fields
            match = _CHUNK.fullmatch(line)
            if match is None:
                raise Refused(400)
            size = int(match[1], 16)
            if len(self._body) + size > MAX_BODY:
                raise Refused(413)
            self._in_trailer, self._left = size == 0, size

    def _line(self, limit: int) -> bytes | None:
        end = self._unread.find(b"\r\n", 0, limit + 2)
        if end < 0:
            if len(self._unread) > limit:
                raise Refused(400)
            return None
        line = bytes(self._unread[:end])
        del self._unread[: end + 2]
        return line


def _request_line(line: str) -> tuple[str, str, str]:
    words = line.split(" ")
    if len(words) != 3 or not _TOKEN.fullmatch(words[0]) or not words[1] or _CONTROL.search(line) or "\t" in line:
        raise Refused(400)
    version = _VERSION.fullmatch(words[2])
    if version is None:
        raise Refused(400)
    if version[1] != "1":
        raise Refused(505)
    return words[0], words[1], "HTTP/1.0" if version[2] == "0" else "HTTP/1.1"


def _fields(lines: list[str]) -> dict[str, str]:
    if len(lines) > MAX_FIELDS:
        raise Refused(431)
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        # Section 5.1: "No whitespace is allowed between the field name and colon"; a folded line has no name at all.
        if not colon or not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise Refused(400)
        key, value = name.lower(), value.strip(" \t")
        if key in found and key in ("host", "content-length", "transfer-encoding"):
            raise Refused(400)
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def _length(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise Refused(400)
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(MAX_BODY)) or int(digits) > MAX_BODY:
        raise Refused(413)
    return int(digits)


def response_head(status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and header fields, with the empty line; ValueError where a field would break out of its line."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"Date: {formatdate(usegmt=True)}", "Server: packetlab"]
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise ValueError(f"{name!r}: {value!r} is no header field")
        lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
