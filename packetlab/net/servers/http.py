"""A small HTTP/1.1 server: pages from a mapping or a folder, keep-alive, chunked bodies, JSON, conditional GET."""

import hashlib
import json
import mimetypes
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from packetlab.net.servers.base import SocketMaker, StreamServer

MAX_HEAD = 16384
"""Bytes of a request line with its header fields; a longer one is answered 431."""
MAX_BODY = 1 << 20
"""Bytes of a request's body; a longer one is answered 413."""

REASONS = {200: "OK", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 304: "Not Modified",
           400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large",
           429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Service Unavailable"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as a handler sees it; header names are in small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    peer: str


@dataclass(frozen=True, slots=True)
class Response:
    """What a handler answers. `chunks` instead of `body` is sent with chunked transfer coding."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[bytes, ...] = ()


Handler = Callable[[Request], Response]


def json_response(value: object, status: int = 200) -> Response:
    """The value as JSON."""
    return Response(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


def from_folder(folder: Path) -> Handler:
    """Serve the files below `folder`, and nothing outside it."""
    root = folder.resolve()

    def answer(request: Request) -> Response:
        path = (root / request.target.split("?")[0].lstrip("/")).resolve()
        if path.is_dir():
            path /= "index.html"
        if not path.is_relative_to(root) or not path.is_file():
            return Response(b"not found\n", 404)
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Response(path.read_bytes(), headers={"Content-Type": kind})

    return answer


def from_pages(pages: Mapping[str, bytes | str]) -> Handler:
    """Serve pages from a mapping of target to text or bytes."""

    def answer(request: Request) -> Response:
        page = pages.get(request.target)
        if page is None:
            return Response(b"not found\n", 404)
        return Response(page.encode() if isinstance(page, str) else page, headers={"Content-Type": "text/html"})

    return answer


class HTTPServer(StreamServer):
    """HTTP/1.1 (RFC 9112) on one port of a host; `handler` maps a Request to a Response."""

    def __init__(self, host: SocketMaker, port: int, handler: Handler, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(host, port, tls=tls)
        self.handler = handler
        self._unread: dict[socket.socket, bytes] = {}

    def drop(self, sock: socket.socket) -> None:
        """Close one connection and forget what it had sent."""
        self._unread.pop(sock, None)
        super().drop(sock)

    def received(self, sock: socket.socket, data: bytes) -> None:
        """Answer every request that is complete; pipelined ones in order."""
        self._unread[sock] = self._unread.get(sock, b"") + data
        while sock in self._open and self._take_request(sock):
            pass

    def _take_request(self, sock: socket.socket) -> bool:
        """Answer the first request that was received; False where none is complete."""
        unread = self._unread.get(sock, b"")
        head, blank, rest = unread.partition(b"\r\n\r\n")
        if len(head) > MAX_HEAD:
            self._refuse(sock, 431)
            return False
        if not blank:
            return False
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = headers.get("content-length", "0")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not length.isdecimal():
            self._refuse(sock, 400)
            return False
        if int(length) > MAX_BODY:
            self._refuse(sock, 413)
            return False
        if len(rest) < int(length):
            return False
        self._unread[sock] = rest[int(length) :]
        self._answer(sock, Request(words[0], words[1], headers, rest[: int(length)], sock.getpeername()[0]), words[2])
        return True

    def _refuse(self, sock: socket.socket, status: int) -> None:
        self.send(sock, _head(status, {"Content-Length": "0", "Connection": "close"}))
        self.drop(sock)

    def _answer(self, sock: socket.socket, request: Request, version: str) -> None:
        try:
            response = self.handler(request)
        except Exception as error:
            self.log.append(f"{request.target}: {error!r}")
            response = Response(b"the handler failed\n", 500)
        self.log.append(f"{request.peer} {request.method} {request.target} {response.status}")
        keep = request.headers.get("connection", "").lower() != "close" and version == "HTTP/1.1"
        headers = dict(response.headers) | {"Connection": "keep-alive" if keep else "close"}
        body = response.body
        if response.status == 200 and not response.chunks and body:
            tag = headers.setdefault("ETag", f'"{hashlib.sha256(body).hexdigest()[:16]}"')
            if request.headers.get("if-none-match") == tag:
                response, body = Response(status=304), b""
        if response.chunks:
            headers["Transfer-Encoding"] = "chunked"
            body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in response.chunks if chunk) + b"0\r\n\r\n"
        elif response.status != 304:
            headers["Content-Length"] = str(len(body))
        self.send(sock, _head(response.status, headers) + (b"" if request.method == "HEAD" else body))
        if not keep:
            self.drop(sock)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"Date: {formatdate(usegmt=True)}", "Server: packetlab"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
