"""The lines of application protocols in lists: what was asked, and what the answer was."""

from typing import Any, Final

from packetlab.model.fault import CUT
from packetlab.model.header import Header
from packetlab.model.packet import Packet
from packetlab.show.safe import safe_text
from packetlab.show.summary import words_for
from packetlab.show.view import field_text

MOST_RECORDS: Final = 3
"""Answers that are spelled out in one line."""


def _text(header: Header, name: str, limit: int = 60) -> str:
    """A field as people write it."""
    return safe_text(field_text(header.spec(name), getattr(header, name))[0], limit=limit)


def _meaning(header: Header, name: str) -> str:
    text, meaning = field_text(header.spec(name), getattr(header, name))
    return meaning.partition(":")[0] if meaning and not meaning.startswith("unassigned") else text


@words_for("dns")
def _dns(header: Any, packet: Packet, index: int) -> str:
    """RFC 1035: "DNS query A example.org", "DNS answer A example.org: A 192.0.2.1, A 192.0.2.2"."""
    asked = ", ".join(
        f"{_meaning(one, 'qtype')} {_text(one, 'qname')}"
        for one in header.questions[:2]
        if one.name == "dns.question" and not one.is_cut
    )
    kind = "answer" if header.response else "query"
    if header.opcode:
        kind = f"{_meaning(header, 'opcode')} {kind}"
    text = f"DNS {kind} {header.identifier:#06x} {asked}".rstrip()
    if not header.response:
        return text
    if header.response_code:
        text += f": {_meaning(header, 'response_code')}"
    found = [_record(one) for one in header.answers[:MOST_RECORDS]]
    if found:
        text += ": " + ", ".join(found)
        if len(header.answers) > MOST_RECORDS:
            text += f" and {len(header.answers) - MOST_RECORDS} more"
    elif not header.response_code:
        text += ": no such record"
    return text + (" (truncated)" if header.truncated else "")


# The field of each kind of record that says the most.
_SAYING: Final = ("address", "target", "server", "exchange", "primary", "strings", "value")


def _record(record: Any) -> str:
    if record.is_cut or not hasattr(record, "type"):
        return "a damaged record"
    kind = _meaning(record, "type")
    for name in _SAYING:
        if any(spec.name == name for spec in record.fields):
            return f"{kind} {_text(record, name, 50)}"
    return kind


@words_for("http.request", "http.response", cut_too=True)
def _http(header: Any, packet: Packet, index: int) -> str:
    """RFC 9112: the first line, the host or the type of the content, and the bytes of the body."""
    names = [spec.name for spec in header.fields if spec.name != "headers"]
    first = " ".join(
        safe_text(str(getattr(header, name)), limit=80) for name in names if getattr(header, name) is not CUT
    )
    text = first if first.startswith("HTTP") else f"HTTP {first}"
    headers = header.headers
    if headers is not CUT:
        for line in str(headers)[:8192].splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() in ("host", "content-type"):
                text += f" {safe_text(value.strip(), limit=60)}"
                break
    size = len(packet.payload)
    return f"{text} {size} bytes" if size and not header.is_cut else text


@words_for("dns.length", cut_too=True)
def _dns_length(header: Any, packet: Packet, index: int) -> str:
    """A DNS message over TCP whose length stands here and whose rest comes later."""
    return f"DNS over TCP, {len(packet.payload)} bytes of a message"
