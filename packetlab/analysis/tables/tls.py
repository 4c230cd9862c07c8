"""Table `tls`: one row per TLS handshake, as far as it is in the clear (messages/)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packetlab.analysis.messages import TLSHandshake
from packetlab.analysis.messages.described import described
from packetlab.analysis.tables.message_columns import endpoint, of_kind
from packetlab.analysis.tables.reading import Reading
from packetlab.analysis.tables.schema import ColumnSpec, TableSpec, by_rows
from packetlab.application.tls_handshake import cipher_suite_name

_C = ColumnSpec
COLUMNS = (
    _C("packet", "int64", "number of the packet that completes the first hello"),
    _C("time", "time", "when it was captured, UTC"),
    _C("tcp_stream", "int64", "number of the TCP connection"),
    _C("client", "word", "IP address of the client"),
    _C("client_port", "uint16", "its port"),
    _C("server", "word", "IP address of the server"),
    _C("server_port", "uint16", "its port"),
    _C("server_name", "word", "the host the client wants (SNI); empty where it does not say, null without its hello"),
    _C("offered_protocols", "list", "application protocols the client speaks (ALPN), best first"),
    _C("protocol", "word", "the one chosen in the clear; TLS 1.3 hides it"),
    _C("offered_versions", "list", "versions the client speaks, best first"),
    _C("version", "word", "the version chosen; null where no answer was seen"),
    _C("offered_cipher_suites", "list", "cipher suites the client speaks, best first"),
    _C("cipher_suite", "word", "name of the cipher suite chosen; its number where it has none here"),
    _C("cipher_suite_number", "uint16", "number of the cipher suite chosen"),
    _C("ja3", "word", "JA3 fingerprint of the client"),
    _C("ja4", "word", "JA4 fingerprint of the client"),
    _C("answer_packet", "int64", "packet of the ServerHello"),
    _C("answer_time", "float64", "seconds from the client's hello to the server's"),
    _C("retried", "bool", "the server asked for another ClientHello"),
    _C("certificate_packet", "int64", "packet that completes the certificates; null in TLS 1.3, which hides them"),
    _C("certificates", "int64", "how many certificates the server showed"),
    _C("subject", "text", "whose its own certificate is"),
    _C("issuer", "text", "who signed it"),
    _C("not_before", "time", "from when on it holds, UTC; null where 64 bits of nanoseconds cannot say"),
    _C("not_after", "time", "until when it holds, UTC"),
    _C("names", "list", "hosts and addresses it is for"),
    _C("certificate_key", "word", "kind and size of its key"),
    _C("certificate_sha256", "text", "its fingerprint"),
    _C("alerts", "list", "alerts in the clear: who sent it, fatal or not, what it says"),
)


def make(reading: Reading, wanted: Sequence[str]) -> Iterator[Mapping[str, list[Any]]]:
    """All handshakes, in the order in which they end."""
    return by_rows(COLUMNS, (_row(described(one)) for one in of_kind(reading, TLSHandshake)))


def _moment(seconds: int | None) -> int | None:
    nanoseconds = (seconds or 0) * 10**9
    return nanoseconds if seconds is not None and abs(nanoseconds) < 1 << 63 else None


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    own = one["certificates"][0] if one["certificates"] else {}
    chosen, answered = one["cipher_suite"], one["answer_time_ns"]
    offered = one["offered_cipher_suites"]
    return (
        one["packet"], one["time_ns"], one["stream"], *endpoint(one["client"]), *endpoint(one["server"]),
        one["server_name"], one["offered_protocols"], one["protocol"], one["offered_versions"], one["version"],
        None if offered is None else [cipher_suite_name(number) for number in offered],
        None if chosen is None else cipher_suite_name(chosen), chosen, one["ja3"], one["ja4"], one["answer_packet"],
        None if answered is None or one["ja3"] is None else max(answered - one["time_ns"], 0) / 1e9,
        one["retried"], one["certificate_packet"], len(one["certificates"]), own.get("subject"), own.get("issuer"),
        _moment(own.get("not_before")), _moment(own.get("not_after")), own.get("names"), own.get("key"),
        own.get("sha256"),
        [f"{alert['from']}: {'fatal: ' if alert['fatal'] else ''}{alert['description']}" for alert in one["alerts"]],
    )  # fmt: skip


SPEC = TableSpec("tls", "one row per TLS handshake, as far as it is in the clear", COLUMNS, make)
