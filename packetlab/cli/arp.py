"""`packetlab arp`: who has an IPv4 address, who is on a network, is an address free, this address is mine."""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import duration, interface_option, json_option, print_json, recording, say, write_option
from packetlab.model.addresses import ip_text, mac_text
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.link.arp_resolve import Claim
    from packetlab.wire.verbs.arp import ARPResult, Mode


@click.command(short_help="ask who has an IPv4 address")
@click.argument("target", metavar="HOST|NETWORK")
@click.option("--scan", is_flag=True, help="Ask for every address of a network (192.0.2.0/24).")
@click.option("--probe", is_flag=True, help="Is the address free? (RFC 5227; takes up to 8 seconds)")
@click.option("--announce", is_flag=True, help="Tell the link that the address is ours (RFC 5227).")
@click.option("-c", "--count", type=click.IntRange(min=1), default=3, show_default=True, help="Tries before giving up.")
@click.option("-W", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait for an answer.")
@click.option("--rate", type=float, default=1000, show_default=True, help="Questions a second of a scan.")
@interface_option
@write_option
@json_option
def arp(target: str, scan: bool, probe: bool, announce: bool, write: str | None, as_json: bool, **options: Any) -> int:
    """Ask who on this link has the IPv4 address of HOST.

    \b
    packetlab arp 192.0.2.7                  which network card has it
    packetlab arp --scan 192.0.2.0/24        everybody on the link
    packetlab arp --probe 192.0.2.9          is it free? nobody's cache is touched
    packetlab arp --announce 192.0.2.7       it is ours: everybody, update your caches

    The exit code is 1 where nobody answers, where two machines have one address, and where a probed address
    is taken.
    """
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.arp import arp_live

    if scan + probe + announce > 1:
        raise UsageError("--scan, --probe and --announce exclude one another", remedy="choose one of them")
    mode: Mode = "scan" if scan else "probe" if probe else "announce" if announce else "resolve"
    with interruptible() as stop, recording(write) as record:
        live = arp_live(target, mode, record=record, stop=stop, **options)
        if mode == "probe" and not as_json:
            say("listening and asking, for up to 8 seconds")
        for event in live:
            if not as_json:
                say(_line(event, mode))
    result = live.result
    if as_json:
        print_json(_data(result))
    else:
        say(_summary(result))
    return 0 if result.ok else 1


def _line(claim: "Claim", mode: "Mode") -> str:
    from packetlab.internet.ranges import mac_kind

    text = f"{ip_text(claim.address)} is at {mac_text(claim.mac)} ({mac_kind(claim.mac)})"
    if claim.rtt is not None:
        text += f", answered after {duration(claim.rtt)}"
    elif claim.kind == "probe":
        text = f"{mac_text(claim.mac)} is probing for {ip_text(claim.address)} as well"
    elif claim.kind != "reply":
        text += f", seen in its own {claim.kind}"
    if claim.contradicts:
        text += f" - but {mac_text(claim.contradicts)} claimed it before: two machines have the same address"
    return text


def _summary(result: "ARPResult") -> str:
    count = len({claim.address for claim in result.claims})
    asked = f"{result.asked} question{'s' if result.asked != 1 else ''} sent through {result.interface}"
    doubles = {claim.address for claim in result.claims if claim.contradicts}
    conflict = f"; {', '.join(map(ip_text, doubles))} has more than one owner" if doubles else ""
    if result.mode == "scan":
        interrupted = "interrupted; " if result.stopped else ""
        return f"{interrupted}{count} address{'es' if count != 1 else ''} in use in {result.target}; {asked}{conflict}"
    if result.mode == "probe":
        if result.stopped and not count:
            return f"interrupted: it is not known whether {result.target} is free; {asked}"
        return f"{result.target} is {'taken' if count else 'free: nobody claimed it'}; {asked}"
    if result.mode == "announce":
        return f"{result.target} announced as {mac_text(result.mac)}; {asked}" + (
            "; somebody else claims it" if count else ""
        )
    if not count and result.stopped:
        return f"interrupted before anybody answered for {result.target}; {asked}"
    if not count:
        return (
            f"nobody answered for {result.target}: no machine on this link has it, or it is switched off; {asked} "
            f"(broadcast, from {ip_text(result.source)} at {mac_text(result.mac)})"
        )
    return f"{asked}; times by the {result.clock.split()[0]} clock{conflict}"


def _data(result: "ARPResult") -> dict[str, Any]:
    return {
        "mode": result.mode, "target": result.target, "interface": result.interface, "mac": mac_text(result.mac),
        "source": ip_text(result.source), "asked": result.asked, "clock": result.clock, "ok": result.ok,
        "claims": [
            {
                "address": ip_text(claim.address), "mac": mac_text(claim.mac), "rtt_ns": claim.rtt, "kind": claim.kind,
                "contradicts": mac_text(claim.contradicts) if claim.contradicts else None,
            }
            for claim in result.claims
        ],
    }  # fmt: skip
