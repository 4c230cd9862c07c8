"""Objects of a capture as files: HTTP bodies, their codings removed, and TLS certificates, with where they are from.

Names come from hostile bytes: of them only letters, digits, dot, dash and underscore are kept, behind the number of
the packet. A file is only ever created, never overwritten or followed; manifest.json says for each where it is from.
What is compressed is unpacked to at most MAX_OBJECT bytes; at most MAX_FILES files and MAX_TOTAL bytes are written.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from packetlab.analysis.filter import Filter
from packetlab.analysis.messages import HTTPExchange, HTTPPart, TLSHandshake, messages
from packetlab.analysis.messages.certificate import pem, read
from packetlab.capture.source import CapturePath
from packetlab.model.errors import UsageError

MAX_OBJECT = 64 << 20
MAX_FILES = 100_000
MAX_TOTAL = 4 << 30
MAX_CODINGS = 4
MAX_MEMBERS = 1000
"""Of one gzip file."""
MANIFEST = "manifest.json"
_SUFFIXES = {
    "text/html": ".html", "text/plain": ".txt", "text/css": ".css", "text/javascript": ".js", "image/png": ".png",
    "application/javascript": ".js", "application/json": ".json", "application/xml": ".xml", "text/xml": ".xml",
    "image/jpeg": ".jpg", "image/gif": ".gif", "image/svg+xml": ".svg", "image/webp": ".webp",
    "application/pdf": ".pdf", "application/zip": ".zip", "application/octet-stream": ".bin",
    "application/x-www-form-urlencoded": ".form",
}  # fmt: skip
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SavedObject:
    """One file, and where it is from."""

    file: str
    kind: str
    """http or certificate."""
    size: int
    sha256: str
    """Of the file."""
    first_packet: int
    last_packet: int
    time_ns: int
    stream: int
    src: str
    dst: str
    url: str
    content_type: str
    wire_bytes: int
    """Of the body as it was carried, chunks put together."""
    wire_sha256: str
    notes: list[str]
    """What is not as it should be: bytes that lack, a coding that could not be removed."""


def decoded(body: bytes, codings: str, limit: int = MAX_OBJECT) -> tuple[bytes, list[str]]:
    """A body with its content codings removed (RFC 9110 section 8.4), at most `limit` bytes; and what went wrong."""
    notes: list[str] = []
    names = [name.strip().lower() for name in codings.split(",") if name.strip()]
    if len(names) > MAX_CODINGS:
        return body, [f"kept as it was: {len(names)} content codings"]
    for name in reversed(names):
        if name == "identity":
            continue
        if name not in ("gzip", "x-gzip", "deflate"):
            return body, [*notes, f"kept as it was: content coding {name[:40]}"]
        try:
            body, cut = _inflate(body, name, limit)
        except zlib.error as wrong:
            return body, [*notes, f"kept as it was: not {name} ({wrong})"]
        notes += [cut] if cut else []
    return body, notes


def _inflate(body: bytes, name: str, limit: int) -> tuple[bytes, str]:
    windows = (31,) if name != "deflate" else (15, -15)  # "deflate" is zlib's format; some send it bare
    for window in windows:
        made, rest, members = bytearray(), body, 0
        try:
            while rest:
                members += 1
                if members > MAX_MEMBERS:
                    return bytes(made), f"cut: more than {MAX_MEMBERS} gzip members"
                inflater = zlib.decompressobj(window)
                made += inflater.decompress(rest, limit - len(made) + 1)
                if len(made) > limit:
                    return bytes(made[:limit]), f"cut: unpacks to more than {limit} bytes"
                if not inflater.eof:
                    return bytes(made), "incomplete: the packed data ends early"
                rest = inflater.unused_data if window == 31 else b""  # gzip may have several members
        except zlib.error:
            if made and window == 31:
                return bytes(made), "bytes behind the packed data were left out"
            if window == windows[-1]:
                raise
        else:
            return bytes(made), ""
    return bytes(made), ""


def safe_name(text: str, limit: int = 80) -> str:
    """A file name made of bytes from the wire: no folder, no hidden file, no device, nothing a shell would read."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[-limit:].lstrip("._-")
    return f"_{name}" if _RESERVED.match(name) else name


class _Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as wrong:
            raise UsageError(f"{folder} cannot be made: {wrong.strerror}") from wrong
        if (folder / MANIFEST).exists() or (folder / MANIFEST).is_symlink():
            raise UsageError(f"{folder} holds a {MANIFEST} already", remedy="name another folder: none is overwritten")
        self.total = 0

    def write(self, name: str, data: bytes) -> str:
        """A new file; the name it got."""
        stem, dot, suffix = name.rpartition(".")
        if not dot:
            stem, suffix = name, ""
        for attempt in range(1, 10_000):
            tried = name if attempt == 1 else f"{stem}-{attempt}{dot}{suffix}"
            try:
                with (self.folder / tried).open("xb") as file:  # "x": fails where anything is, links included
                    file.write(data)
            except FileExistsError:
                continue
            except OSError as wrong:
                raise UsageError(f"{self.folder / tried} cannot be written: {wrong.strerror}") from wrong
            self.total += len(data)
            return tried
        raise UsageError(f"{self.folder} holds thousands of files named like {name}", remedy="name another folder")


def save_objects(
    source: CapturePath | BinaryIO,
    folder: Path,
    where: Filter | None = None,
    kinds: Iterable[str] = ("http", "tls"),
    *,
    advance: Callable[[float], None] = lambda part: None,
) -> list[SavedObject]:
    """Write the HTTP bodies and TLS certificates of a capture into a folder, and manifest.json.

    A certificate that several connections show is written once. UsageError where the folder cannot be written, or
    holds a manifest already.
    """
    place, saved, stopped = _Folder(folder), [], ""
    known: set[bytes] = set()
    for message in messages(source, where, kinds, kept=MAX_OBJECT, advance=advance):
        if isinstance(message, HTTPExchange):
            found = [_body(place, message, part) for part in (message.request, message.response)
                     if part is not None and part.message.size]  # fmt: skip
        elif isinstance(message, TLSHandshake):
            found = _certificates(place, message, known)
        else:
            continue
        saved += found
        if len(saved) >= MAX_FILES or place.total >= MAX_TOTAL:
            stopped = f"stopped after {len(saved)} files and {place.total} bytes"
            break
    manifest: dict[str, Any] = {"source": str(source), "objects": [asdict(one) for one in saved], "stopped": stopped}
    place.write(MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    return saved


def _body(place: _Folder, exchange: HTTPExchange, part: HTTPPart) -> SavedObject:
    message = part.message
    codings = message.header("content-encoding") or ""
    if message.missing:
        body, notes = message.body, [f"{message.missing} bytes are missing in the capture"]
        notes += ["kept as it was: packed data with a gap"] if codings else []
    else:
        body, notes = decoded(message.body, codings)
    notes = [*message.faults, *notes]
    asked = exchange.request.message if exchange.request is not None else None
    target = asked.start[1] if asked is not None else ""
    host = (asked.header("host") or "") if asked is not None else ""
    content_type = message.header("content-type") or ""
    base = safe_name(target.partition("?")[0].rpartition("/")[2]) or ("index" if asked is not None else "body")
    suffix = "" if "." in base else _SUFFIXES.get(content_type.partition(";")[0].strip().lower(), ".bin")
    way = "request" if message.is_request else "response"
    name = place.write(f"{part.number:06}-{way}-{base}{suffix}", body)
    ends = (exchange.client, exchange.server) if message.is_request else (exchange.server, exchange.client)
    url = target if "://" in target or not target else f"http://{host or exchange.server}{target}"
    return SavedObject(name, "http", len(body), hashlib.sha256(body).hexdigest(), part.number, part.last, part.time,
                       exchange.stream, *ends, url, content_type, message.size, message.digest.hexdigest(),
                       notes)  # fmt: skip


def _certificates(place: _Folder, shake: TLSHandshake, known: set[bytes]) -> list[SavedObject]:
    saved = []
    number = shake.certificate_number or shake.number
    for direction, chain in ((1, shake.certificates), (0, shake.client_certificates)):
        ends = (shake.client, shake.server) if direction == 0 else (shake.server, shake.client)
        for at, der in enumerate(chain):
            digest = hashlib.sha256(der)
            if digest.digest() in known:
                continue
            known.add(digest.digest())
            facts = read(der)
            data = pem(der)
            subject = safe_name(facts.subject.partition("CN=")[2].partition(",")[0]) if facts is not None else ""
            name = place.write(f"{number:06}-certificate-{at}-{subject or 'unnamed'}.pem", data)
            saved.append(SavedObject(
                name, "certificate", len(data), hashlib.sha256(data).hexdigest(), number, number, shake.time,
                shake.stream, *ends, facts.subject if facts is not None else "", "application/x-x509-certificate",
                len(der), digest.hexdigest(), [] if facts is not None else ["cannot be read as a certificate"],
            ))  # fmt: skip
    return saved
