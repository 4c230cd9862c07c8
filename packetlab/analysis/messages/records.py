"""What the readers of messages give: HTTP exchanges, DNS messages, TLS handshakes, each with its packets."""

from dataclasses import dataclass, field
from typing import ClassVar

from packetlab.application.dns import DNS
from packetlab.application.http import HTTPMessage
from packetlab.application.tls_handshake import ClientHello, ServerHello


@dataclass(slots=True)
class HTTPPart:
    """A request or a response, and the packets that carried it."""

    message: HTTPMessage
    number: int
    """The packet in which it begins."""
    time: int
    """Of that packet, nanoseconds since 1970."""
    last: int
    """The packet in which it ends, as far as it was seen."""
    last_time: int


@dataclass(slots=True)
class HTTPExchange:
    """A request and the response to it; one of them is None where the capture does not hold it."""

    kind: ClassVar[str] = "http"
    stream: int
    client: str
    server: str
    request: HTTPPart | None
    response: HTTPPart | None

    @property
    def number(self) -> int:
        """The packet in which it begins."""
        return min(part.number for part in (self.request, self.response) if part is not None)

    @property
    def time(self) -> int:
        return min(part.time for part in (self.request, self.response) if part is not None)

    @property
    def response_time(self) -> int | None:
        """Nanoseconds from the end of the request to the beginning of the response."""
        if self.request is None or self.response is None:
            return None
        return max(self.response.time - self.request.last_time, 0)


@dataclass(slots=True)
class DNSMessage:
    """A question or an answer, over UDP or TCP."""

    kind: ClassVar[str] = "dns"
    number: int
    time: int
    transport: str
    """ "udp" or "tcp"."""
    src: str
    src_port: int
    dst: str
    dst_port: int
    message: DNS
    stream: int = -1
    """Number of the TCP connection."""
    question_number: int | None = None
    """Of an answer: the packet of the question."""
    response_time: int | None = None
    """Nanoseconds since then."""


@dataclass(slots=True)
class TLSHandshake:
    """What a TLS connection's handshake says in the clear."""

    kind: ClassVar[str] = "tls"
    stream: int
    client: str
    server: str
    number: int
    """The packet that completes the first hello."""
    time: int
    hello: ClientHello | None = None
    answer: ServerHello | None = None
    answer_number: int | None = None
    answer_time: int | None = None
    certificates: tuple[bytes, ...] = ()
    """The server's chain, DER, its own first."""
    client_certificates: tuple[bytes, ...] = ()
    certificate_number: int | None = None
    alerts: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(packet, direction 0 from the client, level, description) of alerts in the clear."""
    retried: bool = False
    """The server asked for another ClientHello."""


Message = HTTPExchange | DNSMessage | TLSHandshake
