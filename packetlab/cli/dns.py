"""`packetlab dns`: what a name stands for, and who says so."""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import duration, json_option, print_json, recording, say, write_option
from packetlab.cli.ports import PORT

if TYPE_CHECKING:
    from packetlab.wire.verbs.dns import DNSResult


@click.command(short_help="ask what a name stands for")
@click.argument("words", nargs=-1, required=True, metavar="NAME [@SERVER] [TYPE]")
@click.option("-x", "--reverse", is_flag=True, help="NAME is an address: which name belongs to it?")
@click.option("-t", "--tcp", is_flag=True, help="Ask over TCP at once (also: +tcp).")
@click.option("-p", "--port", type=PORT, default=53, show_default=True, help="Port of the server.")
@click.option("--no-edns", is_flag=True, help="Do not offer larger answers (RFC 6891).")
@click.option("-W", "--timeout", type=float, default=2.0, show_default=True, help="Seconds for each try.")
@click.option("-r", "--retries", type=click.IntRange(0, 10), default=2, show_default=True, help="Further tries.")
@write_option
@json_option
def dns(
    words: tuple[str, ...], reverse: bool, tcp: bool, port: int, no_edns: bool, timeout: float, retries: int,
    write: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Ask a DNS server for records of NAME: A unless TYPE says otherwise.

    \b
    packetlab dns www.example.org
    packetlab dns example.org MX @192.0.2.53
    packetlab dns -x 192.0.2.1

    The exit code is 1 where the name or such a record does not exist, or nobody answered.
    """
    from packetlab.model.errors import UsageError
    from packetlab.wire.verbs import dns as verb

    server = next((word[1:] for word in words if word.startswith("@")), "")
    rest = [word for word in words if not word.startswith("@") and word != "+tcp"]
    tcp = tcp or "+tcp" in words
    if not 1 <= len(rest) <= 2:
        raise UsageError("give one name, and at most one type", remedy="packetlab dns NAME [@SERVER] [TYPE]")
    name, kind = rest[0], rest[1] if len(rest) > 1 else "A"
    if reverse:
        name, kind = verb.reverse_name(name), "PTR"
    with recording(write) as record:
        result = verb.dns(name, kind, server=server, port=port, tcp=tcp, edns=not no_edns, timeout=timeout,
                          retries=retries, record=record)  # fmt: skip
    if as_json:
        print_json(_data(result))
    else:
        _print(result)
    return 0 if result.ok else 1


def _print(result: "DNSResult") -> None:
    from packetlab.application.dns import RESPONSE_CODES, TYPES, ResourceRecord
    from packetlab.show import safe_text

    message = result.message
    code = RESPONSE_CODES.get(message.response_code, f"code {message.response_code}")
    again = ", after the answer over UDP had not fitted" if result.was_truncated and not result.why_cut else ""
    say(f"{result.server} answered over {result.transport} in {duration(result.rtt)}{again}: {code}")
    said = [
        ("the server itself holds the zone", message.authoritative),
        ("it finds out for others", message.recursion_available),
        ("signatures were checked", message.authentic_data),
    ]
    say("  " + ("; ".join(text for text, on in said if on) or "it neither holds the zone nor finds out for others"))
    for question in message.questions:
        say(f"question    {safe_text(question.qname)} {TYPES.get(question.qtype, question.qtype)}", hang=12)
    for title, records in (("answer", message.answers), ("authority", message.authorities),
                           ("additional", message.additionals)):  # fmt: skip
        for record in records:
            if isinstance(record, ResourceRecord):
                kind = TYPES.get(record.type, f"TYPE{record.type}")
                say(f"{title:<12}{safe_text(record.owner)} {kind} {_words(record)}  ({record.ttl} s)", hang=12)
    if message.response_code == 0 and not message.answers:
        say("the name exists, but has no such record")
    if result.why_cut:
        say(f"there is more that did not fit; {safe_text(result.why_cut)}")
    for why in result.passed:
        say(f"asked before: {safe_text(why)}")
    for why in result.ignored:
        say(f"ignored a datagram: {safe_text(why)}")


def _words(record: Any) -> str:
    """What a record says, in one line."""
    from packetlab.show import safe_text
    from packetlab.show.view import field_text

    known = {"owner", "type", "record_class", "ttl", "data_length"}
    parts = [field_text(spec, getattr(record, spec.name))[0] for spec in record.fields if spec.name not in known]
    return safe_text(" ".join(parts))


def _data(result: "DNSResult") -> dict[str, Any]:
    from packetlab.show import as_dict

    return {
        "question": result.question, "type": result.kind, "server": result.server, "transport": result.transport,
        "rtt_ns": result.rtt, "tries": result.tries, "was_truncated": result.was_truncated,
        "response_code": result.message.response_code, "ok": result.ok, "ignored": list(result.ignored),
        "passed": list(result.passed), "why_cut": result.why_cut or None,
        "answers": [
            {"name": str(one.owner), "type": one.type, "ttl": getattr(one, "ttl", None), "data": _words(one)}
            for one in result.message.answers
        ],
        "message": as_dict(result.packet),
    }  # fmt: skip
