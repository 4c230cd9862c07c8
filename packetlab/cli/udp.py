"""`packetlab udp`: one datagram there, and what comes back; `--listen` answers those of others."""

import json
import sys
from typing import Any

import click

from packetlab.cli.common import duration, family_options, json_option, print_json, say
from packetlab.model.errors import UsageError


@click.command(short_help="send a datagram, or echo those of others")
@click.argument("host", required=False)
@click.argument("port", type=click.IntRange(1, 65535), required=False)
@click.argument("text", required=False, default="hello")
@click.option("--hex", "as_hex", is_flag=True, help="TEXT is hex digits.")
@click.option("-W", "--timeout", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True,
              help="Seconds to wait for a reply.")  # fmt: skip
@click.option("--source-port", type=click.IntRange(0, 65535), default=0, help="Our port; 0 is any free one.")
@click.option("-l", "--listen", type=click.IntRange(1, 65535), metavar="PORT", help="Echo what arrives on PORT.")
@click.option("-c", "--count", type=click.IntRange(min=1), help="With --listen: stop after so many datagrams.")
@click.option("-t", "--time", "seconds", type=float, help="With --listen: stop after so many seconds.")
@family_options
@json_option
def udp(
    host: str | None, port: int | None, text: str, as_hex: bool, timeout: float, source_port: int,
    listen: int | None, count: int | None, seconds: float | None, family: int, as_json: bool,
) -> int:  # fmt: skip
    """Send TEXT to a UDP port of HOST and show what comes back; an ICMP error is explained.

    \b
    packetlab udp 192.0.2.7 7 hello
    packetlab udp --listen 4000 -c 10        echo ten datagrams

    The exit code is 1 where nothing but an error, or nothing, came back.
    """
    from packetlab.show import safe_text
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.udp import udp as send
    from packetlab.wire.verbs.udp import udp_echo

    if listen is not None:
        seen = 0
        with interruptible() as stop:
            click.echo(f"echoing on UDP port {listen}; Ctrl-C ends", err=True)
            for address, sender, data in udp_echo(listen, count=count, seconds=seconds, stop=stop):
                seen += 1
                if as_json:
                    _print_line({"address": address, "port": sender, "data": data.hex()})
                    continue
                say(f"{address} port {sender}: {len(data)} bytes  {safe_text(data, limit=60)}")
        return 0 if seen else 1
    if host is None or port is None:
        raise UsageError("a host and a port are needed", remedy="packetlab udp HOST PORT [TEXT]")
    try:
        data = bytes.fromhex(text) if as_hex else text.encode()
    except ValueError:
        raise UsageError(f"{text[:40]!r} is no row of hex digits", remedy="write 00 01 0a ff") from None
    with interruptible() as stop:
        result = send(host, port, data, family=family, timeout=timeout, source_port=source_port, stop=stop)
    if as_json:
        reply = result.reply.hex() if result.reply is not None else None
        told = {"target": str(result.target), "port": port, "sent": data.hex(), "reply": reply, "rtt_ns": result.rtt}
        print_json(told | {"text": result.text, "answered_by": result.answered_by, "ok": result.ok})
        return 0 if result.ok else 1
    say(f"{len(data)} bytes sent to {result.target} port {port}")
    took = f" after {duration(result.rtt)}" if result.rtt is not None else ""
    who = f"{result.answered_by} says{took}: " if result.answered_by else ""
    say(f"{who}{result.text}{'' if who else took}")
    if result.reply:
        say("  " + safe_text(result.reply, limit=400))
    return 0 if result.ok else 1


def _print_line(value: dict[str, Any]) -> None:
    """One object a line, so that a program can read while we go on."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
