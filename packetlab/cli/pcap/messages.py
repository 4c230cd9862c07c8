"""`packetlab pcap messages FILE`: HTTP exchanges, DNS messages and TLS handshakes; over TCP on whatever port."""

import json
import shutil
import sys
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import duration, json_option
from packetlab.cli.pcap.notes import report_damage
from packetlab.cli.pcap.summary import moment, size

if TYPE_CHECKING:
    from packetlab.analysis.messages import Message

KINDS = ("http", "dns", "tls")
MOST_ANSWERS = 4
"""Records of an answer that are shown; --json has all."""


@click.command(short_help="what was said over HTTP, DNS and TLS, on any port")
@click.argument("file")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only these; may be given again.")
@click.option("-Y", "--filter", "condition", metavar="FILTER",
              help="Connections of which a packet fits a filter, and datagrams that do.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N messages.")
@json_option
def messages(file: str, kinds: tuple[str, ...], condition: str | None, limit: int | None, as_json: bool) -> int:
    """Print what programs said to each other in FILE (pcap or pcapng, also compressed).

    HTTP/1 requests with their responses, DNS questions and answers, TLS handshakes: over TCP known by what they say,
    not by port; DNS over UDP on its ports 53, 5353 and 5355. The number in front is the packet
    in which a message begins. Exit code 1: there is none, or damage.

    \b
    packetlab pcap messages web.pcapng
    packetlab pcap messages web.pcapng --kind tls --json
    packetlab pcap messages web.pcapng -Y 'ip.addr == 10.0.0.2'
    packetlab pcap export web.pcapng --objects DIR       bodies and certificates as files
    """
    from packetlab.analysis.filter import parse
    from packetlab.analysis.messages import messages as read
    from packetlab.analysis.open_capture import open_capture
    from packetlab.cli.progress import progress

    where = parse(condition) if condition else None
    with progress(f"reading {file}") as advance:
        found = islice(read(file, where, kinds or KINDS, kept=0, advance=advance), limit)
        count = _as_json(found) if as_json else _as_text(found)
    if not count and not as_json:
        click.echo("no HTTP, DNS or TLS was found" if not kinds else f"no {', '.join(kinds)} was found", err=True)
    damaged = report_damage(open_capture(file), quiet=as_json) if file != "-" else 0
    return 1 if damaged or not count else 0


def _as_json(found: "Iterator[Message]") -> int:
    """One document, written while the capture is read."""
    from packetlab.analysis.messages.described import described

    count = 0
    sys.stdout.write('{"messages": [')
    for message in found:
        sys.stdout.write((",\n" if count else "\n") + json.dumps(described(message)))
        count += 1
    sys.stdout.write("\n]}\n")
    return count


def _as_text(found: "Iterator[Message]") -> int:
    from packetlab.analysis.messages.described import described
    from packetlab.show.safe import fit, safe_text

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    count, day = 0, ""
    for message in found:
        count += 1
        date, _, clock = moment(message.time).partition(" ")
        if date != day and clock.endswith("UTC"):
            click.echo(f"{date}, times in UTC")
            day = date
        first, *more = lines(described(message))
        head = f"{message.number:6} {clock.removesuffix(' UTC')[:12] if clock.endswith('UTC') else '':12} "
        click.echo(fit(head + safe_text(first), width).rstrip())
        for line in more:
            click.echo(fit(" " * 20 + safe_text(line), width).rstrip())
    return count


def lines(one: dict[str, Any]) -> list[str]:
    """A message (as `described` gives it) in a few lines."""
    return {"http": _http, "dns": _dns, "tls": _tls}[one["kind"]](one)


def _body(part: dict[str, Any]) -> list[str]:
    kind = next((value for name, value in part["headers"] if name.lower() == "content-type"), "")
    said = [kind.partition(";")[0]] if kind else []
    said += [size(part["body_bytes"])] if part["body_bytes"] else []
    said += [f"{size(part['body_missing'])} missing"] if part["body_missing"] else []
    return said + ([] if part["complete"] or part["body_missing"] else ["incomplete"])


def _http(one: dict[str, Any]) -> list[str]:
    request, response = one["request"], one["response"]
    between = f"{one['client']} -> {one['server']}"
    if request is None:
        made = [f"HTTP response, its request was not seen  {between}"]
    else:
        host = next((value for name, value in request["headers"] if name.lower() == "host"), "")
        target = request["target"] if "://" in request["target"] or request["method"] == "CONNECT" else (
            host + request["target"])  # fmt: skip
        made = [", ".join([f"HTTP {request['method']} {target}", *_body(request)]), between]
    if response is None:
        return [*made, "no response was seen"]
    took = [f"after {duration(one['response_time_ns'])}"] if one["response_time_ns"] is not None else []
    status = f"{response['status']} {response['reason']}".strip()
    return [*made, ", ".join([f"packet {response['packet']}: {status}", *_body(response), *took])]


def _dns(one: dict[str, Any]) -> list[str]:
    asked = "; ".join(f"{question['name']} {question['type']}" for question in one["questions"]) or "no question"
    between = f"{one['src']} -> {one['dst']}" + (" over TCP" if one["transport"] == "tcp" else "")
    if not one["response"]:
        return [f"DNS question: {asked}  {between}"]
    from packetlab.application.dns import RESPONSE_CODES

    took = f" after {duration(one['response_time_ns'])}" if one["response_time_ns"] is not None else ""
    of = f" to packet {one['question_packet']}" if one["question_packet"] else ""
    made = [f"DNS answer{of}{took}: {asked}"]
    made += [between] if not of else []
    if one["response_code"]:
        code = one["response_code"]
        made.append(RESPONSE_CODES.get(code, f"response code {code}").partition(":")[0])
    answers = one["answers"] or ([] if one["response_code"] else one["authorities"])
    if not answers and not one["response_code"]:
        made.append("truncated: to be asked again over TCP" if one["truncated"] else "no record")
    made += [f"{record['name']} {record['type']} {record['data']}" for record in answers[:MOST_ANSWERS]]
    return made + ([f"and {len(answers) - MOST_ANSWERS} more"] if len(answers) > MOST_ANSWERS else [])


def _tls(one: dict[str, Any]) -> list[str]:
    from packetlab.application.tls_handshake import cipher_suite_name

    name = one["server_name"] or ("no name" if one["ja4"] else "ClientHello was not seen")
    made = [f"TLS to {name}  {one['client']} -> {one['server']}"]
    if one["version"] is None:
        made.append(f"no answer; offered: {', '.join(one['offered_versions'] or ())}")
    else:
        chosen = [one["version"], cipher_suite_name(one["cipher_suite"])]
        made.append(", ".join(chosen + ([one["protocol"]] if one["protocol"] else [])))
    if one["ja4"]:
        made.append(f"JA4 {one['ja4']}")
    for certificate in one["certificates"][:1]:
        if certificate["readable"]:
            days = (certificate["not_after"] - one["time_ns"] // 10**9) // 86_400
            left = f"{days} days left" if days >= 0 else f"expired {-days} days before"
            made.append(f"certificate: {certificate['subject']}, {left}")
            made.append(f"issued by {certificate['issuer']}")
        else:
            made.append("certificate: cannot be read")
    made += [f"packet {alert['packet']}: {'fatal ' if alert['fatal'] else ''}alert from the {alert['from']}: "
             f"{alert['description']}" for alert in one["alerts"]]  # fmt: skip
    return made
