"""`packetlab ndp HOST`: which network card has an IPv6 address, or is it free?"""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import duration, interface_option, json_option, print_json, recording, say, write_option
from packetlab.model.addresses import ip_text, mac_text

if TYPE_CHECKING:
    from packetlab.internet.neighbour_discovery import Neighbour
    from packetlab.wire.verbs.ndp import NDPResult


@click.command(short_help="ask who has an IPv6 address")
@click.argument("target", metavar="HOST")
@click.option("--probe", is_flag=True, help="Is the address free? Asks as duplicate address detection does.")
@click.option("-c", "--count", type=click.IntRange(min=1), default=3, show_default=True, help="Tries before giving up.")
@click.option("-W", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait for an answer.")
@interface_option
@write_option
@json_option
def ndp(target: str, write: str | None, as_json: bool, **options: Any) -> int:
    """Ask who on this link has the IPv6 address of HOST (neighbour discovery, RFC 4861).

    \b
    packetlab ndp 2001:db8::7             which network card has it
    packetlab ndp fe80::1%eth0            a link-local address
    packetlab ndp --probe 2001:db8::9     is it free?

    The exit code is 1 where nobody answers, where two machines have one address, and where a probed address
    is taken.
    """
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.ndp import ndp_live

    with interruptible() as stop, recording(write) as record:
        live = ndp_live(target, record=record, stop=stop, **options)
        for event in live:
            if not as_json:
                say(_line(event))
    result = live.result
    if as_json:
        print_json(_data(result))
    else:
        say(_summary(result))
    return 0 if result.ok else 1


def _line(found: "Neighbour") -> str:
    from packetlab.internet.ranges import mac_kind

    if found.kind == "probe":
        return f"{mac_text(found.mac)} is probing for {ip_text(found.address)} as well"
    text = f"{ip_text(found.address)} is at {mac_text(found.mac)} ({mac_kind(found.mac)})"
    if found.rtt is not None:
        text += f", answered after {duration(found.rtt)}"
    if found.router:
        text += ", a router"
    if found.contradicts:
        text += f" - but {mac_text(found.contradicts)} claimed it before: two machines have the same address"
    return text


def _summary(result: "NDPResult") -> str:
    asked = f"{result.asked} question{'s' if result.asked != 1 else ''} sent through {result.interface}"
    if result.probe:
        if result.stopped and not result.neighbours:
            return f"interrupted: it is not known whether {result.target} is free; {asked}"
        return f"{result.target} is {'taken' if result.neighbours else 'free: nobody claimed it'}; {asked}"
    if not result.neighbours and result.stopped:
        return f"interrupted before anybody answered for {result.target}; {asked}"
    if not result.neighbours:
        return (
            f"nobody answered for {result.target}: no machine on this link has it, or it is switched off; {asked} "
            f"(from {ip_text(result.source)} at {mac_text(result.mac)})"
        )
    return f"{asked}; times by the {result.clock.split()[0]} clock"


def _data(result: "NDPResult") -> dict[str, Any]:
    return {
        "target": result.target, "address": ip_text(result.address), "interface": result.interface,
        "mac": mac_text(result.mac), "source": ip_text(result.source), "probe": result.probe, "asked": result.asked,
        "clock": result.clock, "ok": result.ok,
        "neighbours": [
            {
                "address": ip_text(found.address), "mac": mac_text(found.mac), "rtt_ns": found.rtt, "kind": found.kind,
                "router": found.router, "solicited": found.solicited, "override": found.override,
                "contradicts": mac_text(found.contradicts) if found.contradicts else None,
            }
            for found in result.neighbours
        ],
    }  # fmt: skip
