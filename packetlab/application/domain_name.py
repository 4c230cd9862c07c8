"""Domain names as DNS messages write them: labels, and pointers to names that stand earlier (RFC 1035 section 4.1.4).

A name that was read keeps the very bytes it was written with, so that a message encodes to the same bytes
again, and reads as text. Pointers may only lead backwards, and no more than MAX_POINTERS of them are followed,
so a name that points at itself ends.
"""

from functools import lru_cache
from typing import Any

from packetlab.model.errors import UsageError
from packetlab.model.fault import Fault
from packetlab.model.fields import NeedMore, Variable

MAX_POINTERS = 64
MAX_TEXT = 1024
"""Characters of a name as text; the 255 bytes of a sound one never need more (RFC 1035 section 2.3.4)."""
MAX_LABEL, MAX_NAME = 63, 255


class Name(str):
    """A domain name as text, without the dot at its end; `wire` are its bytes in the message."""

    wire: bytes

    def __new__(cls, text: str, wire: bytes | None = None) -> "Name":
        made = super().__new__(cls, text)
        made.wire = encode_name(text) if wire is None else wire
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Name, (str(self), self.wire)


def encode_name(text: str) -> bytes:
    """A name as labels, not compressed; UsageError where a label or the name is too long or empty."""
    if text in ("", "."):
        return b"\0"
    data = b""
    for label in _labels(text.removesuffix(".") if not text.endswith("\\.") else text):
        if not 0 < len(label) <= MAX_LABEL:
            raise UsageError(f"{text!r} is no domain name: a label has 1 to {MAX_LABEL} bytes")
        data += bytes([len(label)]) + label
    if len(data) + 1 > MAX_NAME:
        raise UsageError(f"{text[:40]!r}... is no domain name: it takes more than {MAX_NAME} bytes")
    return data + b"\0"


def _labels(text: str) -> list[bytes]:
    """The labels of a name in RFC 4343's spelling: \\. is a dot inside a label, \\123 a byte."""
    labels, current, at = [], bytearray(), 0
    while at < len(text):
        character = text[at]
        if character == "\\" and text[at + 1 : at + 4].isdecimal() and len(text[at + 1 : at + 4]) == 3:
            current.append(int(text[at + 1 : at + 4]) & 0xFF)
            at += 4
            continue
        if character == "\\" and at + 1 < len(text):
            current += text[at + 1].encode()
            at += 2
            continue
        if character == ".":
            labels.append(bytes(current))
            current = bytearray()
        else:
            current += character.encode()
        at += 1
    return [*labels, bytes(current)]


@lru_cache(2048)
def _text(label: bytes) -> str:
    """A label as text; bytes that are no printable ASCII become \\123."""
    return "".join(
        ("\\" if byte in b".\\" else "") + chr(byte) if 0x21 <= byte <= 0x7E else f"\\{byte:03d}" for byte in label
    )


def decode_name(data: bytes, pos: int, end: int) -> tuple[Name, int]:
    """The name at `pos` of a message that begins at data[0], and where it ends; NeedMore where it is cut."""
    labels: list[str] = []
    at, after, followed, size = pos, -1, 0, 0
    while True:
        limit = end if after < 0 else len(data)
        if at >= limit:
            if after >= 0:
                break  # a pointer to nowhere: what was read so far is the name
            raise NeedMore(1, 0)
        length = data[at]
        if length == 0:
            at += 1
            break
        if length & 0xC0 == 0xC0:
            if at + 2 > limit:
                if after >= 0:
                    break
                raise NeedMore(2, limit - at)
            target = (length & 0x3F) << 8 | data[at + 1]
            if after < 0:
                after = at + 2
            followed += 1
            if target >= at or followed > MAX_POINTERS:
                labels.append("<loop>")
                break
            at = target
            continue
        if at + 1 + length > limit:
            if after >= 0:
                break
            raise NeedMore(1 + length, limit - at)
        size += len(label := _text(data[at + 1 : at + 1 + length]))
        if size > MAX_TEXT:
            labels.append("<too long>")
            if after < 0:
                after = at + 1 + length
            break
        labels.append(label)
        at += 1 + length
    stop = after if after >= 0 else at
    return Name(".".join(labels) or ".", data[pos:stop]), stop


class DomainName(Variable):
    """A field that holds a domain name."""

    empty = "."
    minimum = 1

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[Name, int]:
        name, after = decode_name(data, pos, end)
        if name.endswith(("<loop>", "<too long>")):
            faults.append(Fault("DNS", pos, "the name's pointers lead in a circle, or it is longer than names can be"))
        return name, after

    def build(self, value: Any, header: Any) -> bytes:
        return value.wire if isinstance(value, Name) else encode_name(value)

    def convert(self, value: Any) -> Name:
        if isinstance(value, Name):
            return value
        if not isinstance(value, str):
            raise UsageError(f"a domain name is text, not {value!r}", remedy='write it as "www.example.org"')
        return Name(value.removesuffix(".") or ".")


class CharacterStrings(Variable):
    """Strings with a length byte each, up to the end of the record (RFC 1035 section 3.3.14)."""

    empty: Any = ()

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[tuple[bytes, ...], int]:
        found = []
        while pos < end:
            size = data[pos]
            if pos + 1 + size > end:
                raise NeedMore(1 + size, end - pos)
            found.append(data[pos + 1 : pos + 1 + size])
            pos += 1 + size
        return tuple(found), pos

    def build(self, value: Any, header: Any) -> bytes:
        return b"".join(bytes([len(one)]) + one for one in value)

    def convert(self, value: Any) -> tuple[bytes, ...]:
        parts = (value,) if isinstance(value, str | bytes) else value
        made = tuple(one.encode() if isinstance(one, str) else bytes(one) for one in parts)
        if any(len(one) > 255 for one in made):
            raise UsageError("one string of a TXT record has at most 255 bytes", remedy="give several strings")
        return made

    def text(self, value: Any) -> str:
        return " ".join('"' + one.decode("latin-1") + '"' for one in value)
