"""Handlers that serve pages: from a mapping, or the files of a folder."""

import html
import mimetypes
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from packetlab.net.servers.http_conditions import is_known, wanted_range
from packetlab.net.servers.http_messages import Request
from packetlab.net.servers.http_responses import PIECE, Handler, Part, Response, ranged

MAX_FILE = 64 << 20
"""Bytes of a file that is served; it is read piece by piece."""
MAX_LISTED = 1000
"""Names in the list of a folder."""


def from_pages(pages: Mapping[str, bytes | str]) -> Handler:
    """Serve pages from a mapping of target to text or bytes."""

    def answer(request: Request) -> Response:
        page = pages.get(request.target)
        if page is None:
            return Response(b"not found\n", 404)
        return Response(page.encode() if isinstance(page, str) else page, headers={"Content-Type": "text/html"})

    return answer


def from_folder(folder: Path) -> Handler:
    """Serve the files below `folder`, and nothing outside it, whatever symbolic links say.

    A folder is answered with its index.html, or with a list of what is in it.
    """
    root = folder.resolve()

    def answer(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response(b"only GET and HEAD\n", 405, {"Allow": "GET, HEAD"})
        try:
            path = (root / unquote(request.path).lstrip("/")).resolve()
            if path.is_relative_to(root) and path.is_dir():
                if not request.path.endswith("/"):
                    target = quote("/" + str(path.relative_to(root)) + "/") if path != root else "/"
                    return Response(b"see the folder\n", 301, {"Location": target})
                if not (path / "index.html").exists():
                    return _listing(path)
                path = (path / "index.html").resolve()
            return _file(root, path, request) if path.is_relative_to(root) else _missing()
        except (OSError, ValueError, RuntimeError):  # no such file, a zero byte in the name, links in a circle
            return _missing()

    return answer


def _missing() -> Response:
    return Response(b"not found\n", 404)


def _file(root: Path, path: Path, request: Request) -> Response:
    # Not blocking: opening a pipe would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb", 0)
    facts = os.fstat(descriptor)
    # Asked of what was opened: between looking and opening, a folder on the way may have become a link.
    where = Path(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115 - it reads a link of the kernel
    if not stat.S_ISREG(facts.st_mode) or not where.is_relative_to(root):
        file.close()
        return _missing()
    if facts.st_size > MAX_FILE:
        file.close()
        return Response(f"larger than {MAX_FILE >> 20} MiB\n".encode(), 403)
    tag = f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {"Content-Type": kind, "ETag": tag, "Last-Modified": formatdate(facts.st_mtime, usegmt=True),
               "Accept-Ranges": "bytes"}  # fmt: skip
    if is_known(request, tag, facts.st_mtime):
        file.close()
        return Response(status=304, headers=headers)
    found = wanted_range(request, facts.st_size, tag)
    start, stop = found or (0, facts.st_size)
    body: bytes | Iterable[Part] = _Pieces(file, start, stop)
    if stop - start <= PIECE:
        body = b"".join(_Pieces(file, start, stop))
        file.close()
    if found is not None:
        return ranged(found, facts.st_size, headers, lambda *_: body)
    if isinstance(body, bytes):
        return Response(body, headers=headers)
    return Response(headers=headers, stream=body, length=stop - start)


class _Pieces:
    """A file from `start` to `stop`, piece by piece; closed at its end, or by `close`."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file, self._left = file, stop - start
        file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._file.read(min(PIECE, self._left)) if self._left else b""
        if not piece:
            self.close()
            raise StopIteration
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Close the file."""
        self._left = 0
        self._file.close()


def _listing(path: Path) -> Response:
    names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry, _ in zip(path.iterdir(), range(MAX_LISTED),
                                                                                   strict=False))  # fmt: skip
    rows = "".join(f'<li><a href="./{quote(name)}">{html.escape(name)}</a></li>\n' for name in names)
    text = f"<!DOCTYPE html>\n<title>{html.escape(path.name)}</title>\n<ul>\n{rows}</ul>\n"
    return Response(text.encode(errors="replace"), headers={"Content-Type": "text/html; charset=utf-8"})
