"""Names of display filters that stand for no declared field, but for something that follows from several.

Lengths and bodies (`tcp.len`, `udp.payload`), flags joined (`dns.flags`, `ip.dsfield`), addresses as text
(`ip.src_host`), the field lines of HTTP (`http.host`), and what only the frames before tell (`tcp.stream`,
`frame.time_delta`; see state.py). Each says which headers it needs, so that only packets with one are asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from packetlab.analysis.places import places_in
from packetlab.application.dns import DNS
from packetlab.application.http import HTTP, HTTPRequest, HTTPResponse
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.ethernet import IEEE8023, Ethernet
from packetlab.model.addresses import ip_text
from packetlab.model.fault import CUT
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

Read = Callable[[Packet, Frame], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Derived:
    """One such name."""

    name: str
    kind: str
    """As that of a field: "int", "bytes" or "text"; "float" for seconds."""
    classes: tuple[type[Header], ...]
    read: Read
    """Its values in a packet, outer headers first."""
    part: str = ""
    """"length" or "body", where it is that of the header's body and columns can say it."""
    is_state: bool = False
    """Whether the frames before must be known; a packet alone has no value of it."""


def _of(cls: type[Header], *names: str, make: Callable[..., Any]) -> Read:
    """`make` of the named fields of each header of a class that holds them."""

    def read(packet: Packet, frame: Frame) -> Iterator[Any]:
        for header, _ in packet.walk():
            if isinstance(header, cls):
                values = [getattr(header, name) for name in names]
                if not any(value is CUT for value in values):
                    made = make(*values)
                    if made is not None:
                        yield made

    return read


def _both(one: Read, other: Read) -> Read:
    def read(packet: Packet, frame: Frame) -> Iterator[Any]:
        yield from one(packet, frame)
        yield from other(packet, frame)

    return read


def _bodies(cls: type[Header], length: bool) -> Read:
    """The captured bytes behind each header, or how many were on the wire by the lengths around it."""

    def read(packet: Packet, frame: Frame) -> Iterator[Any]:
        if packet.data is None:
            return
        for _, body, stop, claimed in places_in(packet, cls, frame.wire_length):
            if length:
                yield claimed - body
            elif stop > body:
                yield packet.data[body:stop]

    return read


def _line(cls: type[Header], wanted: str) -> Read:
    """The values of a field line of HTTP, whatever the case of its name."""

    def read(packet: Packet, frame: Frame) -> Iterator[Any]:
        for header, _ in packet.walk():
            if isinstance(header, cls):
                lines = getattr(header, "headers", "")
                for line in lines.splitlines() if isinstance(lines, str) else ():
                    name, colon, value = line.partition(":")
                    if colon and name.strip().lower() == wanted:
                        yield value.strip()

    return read


def _status(text: str) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 10 else None


def _packed(*widths: int) -> Callable[..., int]:
    """Fields of so many bits as one number, the first the highest."""

    def make(*values: int) -> int:
        number = 0
        for width, value in zip(widths, values, strict=True):
            number = number << width | value
        return number

    return make


_FLAGS = ("response", "opcode", "authoritative", "truncated", "recursion_desired", "recursion_available", "reserved",
          "authentic_data", "checking_disabled", "response_code")  # fmt: skip
_LINES = {
    "http.host": "host", "http.user_agent": "user-agent", "http.referer": "referer", "http.accept": "accept",
    "http.accept_encoding": "accept-encoding", "http.accept_language": "accept-language", "http.cookie": "cookie",
    "http.authorization": "authorization", "http.connection": "connection", "http.content_type": "content-type",
    "http.content_length_header": "content-length", "http.content_encoding": "content-encoding",
    "http.transfer_encoding": "transfer-encoding", "http.server": "server", "http.location": "location",
    "http.set_cookie": "set-cookie", "http.date": "date", "http.last_modified": "last-modified",
    "http.cache_control": "cache-control", "http.upgrade": "upgrade", "http.www_authenticate": "www-authenticate",
}  # fmt: skip
_HEALTH = (
    "flags", "retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment",
    "ack_lost_segment", "duplicate_ack", "zero_window", "zero_window_probe", "zero_window_probe_ack", "window_full",
    "window_update", "keep_alive", "keep_alive_ack", "reused_ports", "bytes_in_flight", "push_bytes_sent",
    "acks_frame", "duplicate_ack_num", "duplicate_ack_frame",
)  # fmt: skip
_REQUESTS = {"host", "user-agent", "referer", "accept", "accept-encoding", "accept-language", "cookie",
             "authorization"}  # fmt: skip
_RESPONSES = {"server", "set-cookie", "location", "www-authenticate"}


def _nothing(packet: Packet, frame: Frame) -> Iterator[Any]:
    return iter(())


def _protocols(packet: Packet, frame: Frame) -> Iterator[str]:
    names = [header.wireshark or header.name for header, _ in packet.walk()]
    yield ":".join("eth:ethertype" if name == "eth" else name for name in names)


def _first_octet(bit: int) -> Callable[[bytes], int]:
    return lambda address: int(bool(address[0] & bit))


def _table() -> Iterator[Derived]:
    yield Derived("tcp.len", "int", (TCP,), _bodies(TCP, True), "length")
    yield Derived("tcp.payload", "bytes", (TCP,), _bodies(TCP, False), "body")
    yield Derived("udp.payload", "bytes", (UDP,), _bodies(UDP, False), "body")
    yield Derived("dns.flags", "int", (DNS,), _of(DNS, *_FLAGS, make=_packed(1, 4, 1, 1, 1, 1, 1, 1, 1, 4)))
    yield Derived("ip.flags", "int", (IPv4,), _of(IPv4, "reserved", "dont_fragment", "more_fragments",
                                                  make=_packed(1, 1, 1)))  # fmt: skip
    yield Derived("ip.dsfield", "int", (IPv4,), _of(IPv4, "dscp", "ecn", make=_packed(6, 2)))
    yield Derived("ipv6.tclass", "int", (IPv6,), _of(IPv6, "dscp", "ecn", make=_packed(6, 2)))
    for prefix, cls in (("ip", IPv4), ("ipv6", IPv6)):
        source, target = _of(cls, "src", make=ip_text), _of(cls, "dst", make=ip_text)
        yield Derived(f"{prefix}.src_host", "text", (cls,), source)
        yield Derived(f"{prefix}.dst_host", "text", (cls,), target)
        yield Derived(f"{prefix}.host", "text", (cls,), _both(source, target))
    for suffix, bit in (("ig", 1), ("lg", 2)):
        make = _first_octet(bit)
        sides = [_both(_of(Ethernet, side, make=make), _of(IEEE8023, side, make=make)) for side in ("dst", "src")]
        for name, read in (("eth.dst", sides[0]), ("eth.src", sides[1]), ("eth", _both(*sides))):
            yield Derived(f"{name}.{suffix}", "int", (Ethernet, IEEE8023), read)
    yield Derived("http.response.code", "int", (HTTPResponse,), _of(HTTPResponse, "status", make=_status))
    for name, wanted in _LINES.items():
        message = HTTPRequest if wanted in _REQUESTS else HTTPResponse if wanted in _RESPONSES else HTTP
        yield Derived(name, "text", (message,), _line(message, wanted))
    yield Derived("frame.protocols", "text", (), _protocols)
    yield Derived("tcp.stream", "int", (TCP,), _nothing, is_state=True)
    yield Derived("udp.stream", "int", (UDP,), _nothing, is_state=True)
    for name in _HEALTH:
        yield Derived(f"tcp.analysis.{name}", "int", (TCP,), _nothing, is_state=True)
    for name in ("ack_rtt", "rto"):
        yield Derived(f"tcp.analysis.{name}", "float", (TCP,), _nothing, is_state=True)
    yield Derived("frame.time_delta", "float", (), _nothing, is_state=True)


DERIVED = {one.name: one for one in _table()}
