"""`packetlab udp`: datagrams there, and what comes back; `--listen` answers those of others."""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import (
    duration,
    family_options,
    json_option,
    others_data,
    plural,
    print_json,
    print_line,
    recording,
    say,
    say_others,
    write_option,
)
from packetlab.cli.ports import ANY_PORT, PORT
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.wire.host import Host

MOST = 1000
"""Datagrams of --count."""
MOST_SHOWN = 20
"""Replies that are shown."""


@click.command(short_help="send datagrams, or echo those of others")
@click.argument("host", required=False)
@click.argument("port", type=PORT, required=False)
@click.argument("text", required=False)
@click.option("--size", type=click.IntRange(0, 65_507), metavar="N", help="Send N bytes: TEXT (or x) over and over.")
@click.option("--hex", "as_hex", is_flag=True, help="TEXT is hex digits.")
@click.option("-c", "--count", type=click.IntRange(min=1), metavar="N",
              help=f"Send N datagrams (up to {MOST}); with --listen: stop after N.")  # fmt: skip
@click.option("--grow", is_flag=True, help="With --count: each is one byte longer; the first has --size bytes, or 1.")
@click.option("--number", is_flag=True, help="With --count: put its number behind the text of each, from 1.")
@click.option("-i", "--interval", type=click.FloatRange(0), metavar="SECONDS",
              help="With --count: between two (0.002; less inside a lab only).")  # fmt: skip
@click.option("--ttl", type=click.IntRange(1, 255), default=None, help="TTL or hop limit.")
@click.option("-W", "--timeout", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True,
              help="Seconds to wait for a reply.")  # fmt: skip
@click.option("--source-port", type=ANY_PORT, default=0, help="Our port; 0 is any free one.")
@click.option("-l", "--listen", type=PORT, metavar="PORT", help="Echo what arrives on PORT.")
@click.option("-t", "--time", "seconds", type=float, help="With --listen: stop after so many seconds.")
@family_options
@write_option
@json_option
@click.pass_obj
def udp(
    via: "Host | None", /, host: str | None, port: int | None, text: str | None, size: int | None, as_hex: bool,
    count: int | None, grow: bool, number: bool, interval: float | None, listen: int | None, seconds: float | None,
    as_json: bool, ttl: int | None, **options: Any,
) -> int:  # fmt: skip
    """Send TEXT to a UDP port of HOST and show what comes back; an ICMP error is explained.

    \b
    packetlab udp 192.0.2.7 7 hello
    packetlab udp 192.0.2.7 7 --size 1000    a thousand bytes
    packetlab udp 192.0.2.7 33434 --ttl 1    who is the first router?
    packetlab udp 192.0.2.7 7 -c 10 --grow   datagrams of 1, 2, ... 10 bytes
    packetlab udp --listen 4000 -c 10        echo ten datagrams

    TEXT may hold \\n \\r \\t \\0 \\e \\xff. The exit code is 1 where nothing but an error, or nothing, came back.
    """
    from packetlab.show.typed import data_bytes, datagrams

    if listen is not None:
        if options["write"] is not None:
            raise UsageError("--listen records nothing", remedy="packetlab capture does")
        return _listen(via, listen, count, seconds, as_json)
    if host is None or port is None:
        raise UsageError("a host and a port are needed", remedy="packetlab udp HOST PORT [TEXT]")
    if count is None and (grow or number or interval is not None):
        raise UsageError("--grow, --number and --interval are for several datagrams", remedy="say how many: -c 10")
    if text is None and size is None and not grow:
        text = "hello"
    options |= {"via": via, "ttl": ttl or 0}
    if count is None:
        return _one(host, port, data_bytes(text or "", as_hex=as_hex, size=size), as_json, options)
    if count > MOST:
        raise UsageError(f"{count} datagrams are too many", remedy=f"up to {MOST}")
    if interval is not None:
        options["interval"] = interval
    sent = datagrams(text or "", count, as_hex=as_hex, size=size, grow=grow, number=number)
    return _several(host, port, sent, as_json, options)


def _one(host: str, port: int, data: bytes, as_json: bool, options: dict[str, Any]) -> int:
    from packetlab.show import safe_text
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.udp import udp as send

    with interruptible() as stop, recording(options.pop("write")) as record:
        result = send(host, port, data, record=record, stop=stop, **options)
    if as_json:
        reply = result.reply.hex() if result.reply is not None else None
        told = {"target": str(result.target), "port": port, "sent": data.hex(), "reply": reply, "rtt_ns": result.rtt}
        told |= {"text": result.text, "answered_by": result.answered_by, "others": others_data(result.target)}
        print_json(told | {"ok": result.ok})
        return 0 if result.ok else 1
    say(f"{plural(len(data), 'byte')} sent to {result.target} port {port}")
    took = f" after {duration(result.rtt)}" if result.rtt is not None else ""
    who = f"{result.answered_by} says{took}: " if result.answered_by else ""
    say(f"{who}{result.text}{'' if who else took}")
    if result.reply:
        say("  " + safe_text(result.reply, limit=400))
    if not result.ok:
        say_others(result.target)
    return 0 if result.ok else 1


def _several(host: str, port: int, datagrams: list[bytes], as_json: bool, options: dict[str, Any]) -> int:
    from packetlab.show import safe_text
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.udp import udp_series

    with interruptible() as stop, recording(options.pop("write")) as record:
        result = udp_series(host, port, datagrams, record=record, stop=stop, **options)
    if as_json:
        told = {"target": str(result.target), "port": port, "sent": result.sent, "ok": result.ok,
                "others": others_data(result.target)}  # fmt: skip
        print_json(told | {"replies": [one.hex() for one in result.replies], "errors": list(result.errors)})
        return 0 if result.ok else 1
    sizes = sorted({len(one) for one in datagrams[: result.sent]}) or [0]
    span = plural(sizes[0], "byte") if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} bytes"
    say(f"{plural(result.sent, 'datagram')} of {span} sent to {result.target} port {port}; "
        f"{len(result.replies) or 'nothing'} came back")  # fmt: skip
    for reply in result.replies[:MOST_SHOWN]:
        say(f"  {plural(len(reply), 'byte')}  {safe_text(reply, limit=60)}")
    if len(result.replies) > MOST_SHOWN:
        say(f"  ... and {len(result.replies) - MOST_SHOWN} more")
    for error in result.errors:
        say(error)
    if not result.ok:
        say_others(result.target)
    return 0 if result.ok else 1


def _listen(via: "Host | None", port: int, count: int | None, seconds: float | None, as_json: bool) -> int:
    from packetlab.show import safe_text
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.udp import udp_echo

    seen = 0
    with interruptible() as stop:
        click.echo(f"echoing on UDP port {port}; Ctrl-C ends", err=True)
        for address, sender, data in udp_echo(port, via=via, count=count, seconds=seconds, stop=stop):
            seen += 1
            if as_json:
                print_line({"address": address, "port": sender, "data": data.hex()})
                continue
            say(f"{address} port {sender}: {plural(len(data), 'byte')}  {safe_text(data, limit=60)}")
    return 0 if seen else 1
