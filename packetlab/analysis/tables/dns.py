"""Table `dns`: one row per DNS message, question or answer, over UDP or TCP (messages/)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packetlab.analysis.messages import DNSMessage
from packetlab.analysis.messages.described import described
from packetlab.analysis.tables.message_columns import of_kind
from packetlab.analysis.tables.reading import Reading
from packetlab.analysis.tables.schema import ColumnSpec, TableSpec, by_rows
from packetlab.application.dns import RESPONSE_CODES

_C = ColumnSpec
COLUMNS = (
    _C("packet", "int64", "number of the packet; over TCP, of the one that completes the message"),
    _C("time", "time", "when it was captured, UTC"),
    _C("transport", "word", "udp or tcp"),
    _C("tcp_stream", "int64", "number of the TCP connection; null over UDP"),
    _C("src", "word", "IP address of the sender"),
    _C("src_port", "uint16", "its port"),
    _C("dst", "word", "IP address of the receiver"),
    _C("dst_port", "uint16", "its port"),
    _C("id", "uint16", "identifier that an answer has from its question"),
    _C("response", "bool", "it is an answer"),
    _C("name", "word", "the name asked for; of the first question"),
    _C("type", "word", "the type asked for: A, AAAA, MX ..."),
    _C("questions", "list", "all questions: name, type"),
    _C("response_code", "uint16", "0 where all went well, 3 where there is no such name; null for a question"),
    _C("response_text", "text", "the same in words"),
    _C("answers", "list", "the answers as text: name, type, data"),
    _C("authorities", "list", "the records of the authority section as text"),
    _C("additionals", "list", "the additional records as text"),
    _C("truncated", "bool", "it did not fit: to be asked again over TCP"),
    _C("authoritative", "bool", "the server answers for its own zone"),
    _C("question_packet", "int64", "of an answer: the packet of its question; null where it was not seen"),
    _C("response_time", "float64", "of an answer: seconds since the question"),
)


def make(reading: Reading, wanted: Sequence[str]) -> Iterator[Mapping[str, list[Any]]]:
    """All messages in the order of the capture."""
    return by_rows(COLUMNS, (_row(described(one)) for one in of_kind(reading, DNSMessage)))


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    first = one["questions"][0] if one["questions"] else {"name": None, "type": None}
    code = one["response_code"] if one["response"] else None
    took = one["response_time_ns"]
    return (
        one["packet"], one["time_ns"], one["transport"], one["stream"], one["src"], one["src_port"], one["dst"],
        one["dst_port"], one["id"], one["response"], first["name"], first["type"],
        [f"{asked['name']} {asked['type']}" for asked in one["questions"]], code,
        None if code is None else RESPONSE_CODES.get(code, f"response code {code}").partition(":")[0],
        *([f"{record['name']} {record['type']} {record['data']}".rstrip() for record in one[section]]
          for section in ("answers", "authorities", "additionals")),
        one["truncated"], one["authoritative"], one["question_packet"], None if took is None else took / 1e9,
    )  # fmt: skip


SPEC = TableSpec("dns", "one row per DNS message: question or answer", COLUMNS, make)
