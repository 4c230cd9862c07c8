"""`packetlab ping HOST`: is it there, how far, and how much is lost?"""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import (
    duration,
    family_options,
    interface_option,
    json_option,
    others_data,
    print_json,
    recording,
    say,
    say_others,
    write_option,
)
from packetlab.model.addresses import ip_text

if TYPE_CHECKING:
    from packetlab.internet.ping import PingEvent
    from packetlab.wire.host import Host
    from packetlab.wire.verbs.ping import PingResult

MOST_EVENTS = 100_000
"""Events that --json keeps."""


@click.command(short_help="ask a host for echoes")
@click.argument("host")
@click.option("-c", "--count", type=click.IntRange(min=1), help="Requests to send; without it, until Ctrl-C.")
@click.option("-i", "--interval", type=float, default=1.0, show_default=True, help="Seconds between requests.")
@click.option("-s", "--size", type=int, default=56, show_default=True, help="Bytes of data in each request.")
@click.option("-W", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait for a reply.")
@click.option("--ttl", type=click.IntRange(1, 255), default=64, show_default=True, help="TTL or hop limit.")
@click.option("--df", "dont_fragment", is_flag=True, help="Routers must not cut the packet (IPv4).")
@click.option("--flood", is_flag=True, help="As fast as replies come; only in a packetlab network.")
@family_options
@interface_option
@write_option
@json_option
@click.pass_obj
def ping(via: "Host | None", /, host: str, write: str | None, as_json: bool, **options: Any) -> int:
    """Send ICMP echo requests to HOST and show each reply, and a summary at the end or on Ctrl-C.

    \b
    packetlab ping -c 4 192.0.2.1
    packetlab ping -c 1 -s 1472 --df example.com     does a full packet pass?
    packetlab ping fe80::1%eth0                      a link-local address
    packetlab ping -c 3 192.0.2.1 -w ping.pcapng     keep the frames

    The exit code is 1 if no reply came.
    """
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.ping import ping_live

    events: list[PingEvent] = []
    with interruptible() as stop, recording(write) as record:
        live = ping_live(host, via=via, record=record, stop=stop, **options)
        for event in live:
            if as_json:
                if len(events) < MOST_EVENTS:
                    events.append(event)
            elif not options["flood"]:
                say(_line(event, live.target.source))
    result = live.result
    if as_json:
        print_json(_data(result, events))
    else:
        for line in _summary(result):
            say(line)
        if not result.ok:
            say_others(result.target)
    if result.failure is not None:
        raise result.failure
    return 0 if result.ok else 1


def _line(event: "PingEvent", source: bytes) -> str:
    from packetlab.internet.ping import NoReply, Problem

    if isinstance(event, NoReply):
        return f"seq {event.sequence}: no reply in time"
    if isinstance(event, Problem):
        sender = "this host itself" if event.sender == source else ip_text(event.sender)
        return f"seq {event.sequence}: {sender} says {event.name}: {event.text}"
    text = f"{event.size} bytes from {ip_text(event.sender)}: seq={event.sequence} ttl={event.ttl}"
    if event.rtt is not None:
        text += f" time={duration(event.rtt)}"
    if event.kind != "reply":
        text += f" ({event.kind}: {event.note})"
    return text


def _summary(result: "PingResult") -> list[str]:
    found = result.statistics
    extras = [(found.duplicates, "duplicate"), (found.late, "late"), (found.wrong, "wrong"),
              (found.pending, "still under way"),
              (found.errors, "ICMP errors" if found.errors != 1 else "ICMP error")]  # fmt: skip
    words = "".join(f", {count} {name}" for count, name in extras if count)
    lines = ["", f"--- {result.target}: {found.sent} sent, {found.received} received, {found.loss:.0%} lost{words}"]
    if found.received:
        values = "/".join(
            f"{value / 1e6:.3f}" for value in (found.minimum, found.average, found.maximum, found.deviation)
        )
        lines.append(f"round trip min/avg/max/mdev = {values} ms, by the {result.clock.split()[0]} clock")
    elif found.errors == 0 and found.sent > found.pending:
        lines.append("silence: the host is off, the way there or back is broken, or a firewall drops echo requests")
    return lines


def _data(result: "PingResult", events: "list[PingEvent]") -> dict[str, Any]:
    from dataclasses import asdict

    found = result.statistics
    shown = [
        {"event": type(event).__name__.lower()}
        | {key: ip_text(value) if isinstance(value, bytes) else value for key, value in asdict(event).items()}
        for event in events
    ]
    return {
        "host": result.target.name, "address": ip_text(result.target.address), "source": ip_text(result.target.source),
        "others": others_data(result.target),
        "interface": result.target.interface, "clock": result.clock, "exact": result.exact, "sent": found.sent,
        "received": found.received, "pending": found.pending,
        "loss": round(found.loss, 6), "duplicates": found.duplicates, "late": found.late,
        "wrong": found.wrong, "errors": found.errors, "min_ns": found.minimum, "avg_ns": round(found.average),
        "max_ns": found.maximum, "mdev_ns": round(found.deviation), "stopped": result.stopped, "events": shown,
    }  # fmt: skip
