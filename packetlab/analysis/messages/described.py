"""Messages as plain values for JSON and tables: stable names, times in nanoseconds, bytes from the wire as text."""

from typing import Any

from packetlab.analysis.messages.certificate import read
from packetlab.analysis.messages.records import DNSMessage, HTTPExchange, HTTPPart, Message, TLSHandshake
from packetlab.application.dns import CLASSES, TYPES, OtherRecord, Record
from packetlab.application.tls_handshake import ALERTS, cipher_suite_name, version_name
from packetlab.model.addresses import ip_text


def described(message: Message) -> dict[str, Any]:
    """A message as values that JSON can write."""
    if isinstance(message, HTTPExchange):
        return _http(message)
    return _dns(message) if isinstance(message, DNSMessage) else _tls(message)


def _http(message: HTTPExchange) -> dict[str, Any]:
    return {
        "kind": "http", "packet": message.number, "time_ns": message.time, "stream": message.stream,
        "client": message.client, "server": message.server, "request": _part(message.request),
        "response": _part(message.response), "response_time_ns": message.response_time,
    }  # fmt: skip


def _part(part: HTTPPart | None) -> dict[str, Any] | None:
    if part is None:
        return None
    message = part.message
    names = ("method", "target", "version") if message.is_request else ("version", "status", "reason")
    found: dict[str, Any] = dict(zip(names, message.start, strict=True))
    if not message.is_request:
        found["status"] = message.status
    return found | {
        "packet": part.number, "time_ns": part.time, "last_packet": part.last, "end_ns": part.last_time,
        "headers": [list(pair) for pair in message.headers], "body_bytes": message.size,
        "body_missing": message.missing, "body_sha256": message.digest.hexdigest() if message.size else None,
        "complete": message.is_complete and not message.missing, "faults": message.faults,
    }  # fmt: skip


def type_name(number: int) -> str:
    """A record's type as zone files write it: AAAA, TYPE65280 (RFC 3597)."""
    return TYPES.get(number, f"TYPE{number}")


def record_text(record: Record) -> str:
    """What a record says behind its type, as text."""
    words = []
    for spec in record.fields:
        if spec.name in ("owner", "type", "record_class", "ttl", "data_length"):
            continue
        value = getattr(record, spec.name)
        if isinstance(value, bytes):
            address = spec.name == "address" and len(value) in (4, 16)
            words.append(ip_text(value) if address else f"\\# {len(value)} {value.hex()}"
                         if isinstance(record, OtherRecord) else value.hex())  # fmt: skip
        elif isinstance(value, tuple):
            words += [one.decode("latin-1") if isinstance(one, bytes) else repr(one) for one in value]
        else:
            words.append(str(value))
    return " ".join(words)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None  # a message may end inside a number


def _records(records: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [
        {"name": str(one.owner), "type": type_name(one.type), "ttl": _number(getattr(one, "ttl", None)),
         "data": record_text(one)}
        for one in records if isinstance(one, Record)
    ]  # fmt: skip


def _dns(found: DNSMessage) -> dict[str, Any]:
    message = found.message
    questions = [
        {"name": str(one.qname), "type": type_name(one.qtype),
         "class": CLASSES.get(one.qclass, str(one.qclass)).partition(":")[0]}
        for one in message.questions
    ]  # fmt: skip
    return {
        "kind": "dns", "packet": found.number, "time_ns": found.time, "transport": found.transport,
        "stream": found.stream if found.stream >= 0 else None, "src": found.src, "src_port": found.src_port,
        "dst": found.dst, "dst_port": found.dst_port, "id": message.identifier, "response": bool(message.response),
        "opcode": message.opcode, "response_code": message.response_code, "truncated": bool(message.truncated),
        "authoritative": bool(message.authoritative), "questions": questions, "answers": _records(message.answers),
        "authorities": _records(message.authorities), "additionals": _records(message.additionals),
        "question_packet": found.question_number, "response_time_ns": found.response_time,
    }  # fmt: skip


def _tls(found: TLSHandshake) -> dict[str, Any]:
    hello, answer = found.hello, found.answer
    return {
        "kind": "tls", "packet": found.number, "time_ns": found.time, "stream": found.stream,
        "client": found.client, "server": found.server,
        "server_name": hello.server_name if hello else None,
        "offered_versions": [version_name(one) for one in hello.versions] if hello else None,
        "offered_protocols": [one.decode("latin-1") for one in hello.protocols] if hello else None,
        "offered_cipher_suites": list(hello.cipher_suites) if hello else None,
        "ja3": hello.ja3 if hello else None, "ja4": hello.ja4 if hello else None,
        "answer_packet": found.answer_number, "answer_time_ns": found.answer_time,
        "version": version_name(answer.version) if answer else None,
        "cipher_suite": answer.cipher_suite if answer else None,
        "cipher_suite_name": cipher_suite_name(answer.cipher_suite) if answer else None,
        "protocol": answer.protocol.decode("latin-1") if answer and answer.protocol else None,
        "retried": found.retried, "certificate_packet": found.certificate_number,
        "certificates": [_certificate(one) for one in found.certificates],
        "client_certificates": [_certificate(one) for one in found.client_certificates],
        "alerts": [{"packet": number, "from": ("client", "server")[direction], "fatal": level == 2,
                    "description": ALERTS.get(what, str(what))} for number, direction, level, what in found.alerts],
    }  # fmt: skip


def _certificate(der: bytes) -> dict[str, Any]:
    import hashlib

    facts = read(der)
    if facts is None:
        return {"sha256": hashlib.sha256(der).hexdigest(), "readable": False}
    return {
        "sha256": facts.sha256, "readable": True, "subject": facts.subject, "issuer": facts.issuer,
        "serial": f"{facts.serial:x}", "not_before": facts.not_before, "not_after": facts.not_after,
        "names": list(facts.names), "key": facts.key, "signature": facts.signature,
    }  # fmt: skip
