"""What the tables of messages share: messages of one kind, endpoints apart."""

from collections.abc import Iterator
from typing import TypeVar

from packetlab.analysis.messages import DNSMessage, HTTPExchange, TLSHandshake, messages
from packetlab.analysis.tables.reading import Reading

Kind = TypeVar("Kind", HTTPExchange, DNSMessage, TLSHandshake)


def of_kind(reading: Reading, kind: type[Kind]) -> Iterator[Kind]:
    """The messages of one kind; no bodies are kept."""
    for one in messages(reading.source, reading.where, (kind.kind,), kept=0, advance=reading.advance):
        if isinstance(one, kind):
            yield one


def endpoint(text: str) -> tuple[str, int]:
    """(address, port) of 10.0.0.1:80 or [fd00::1]:80."""
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)
