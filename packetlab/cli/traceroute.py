"""`packetlab traceroute`: the routers on the way, and what their silence means."""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import (
    duration,
    family_options,
    interface_option,
    json_option,
    print_json,
    recording,
    say,
    write_option,
)
from packetlab.model.addresses import ip_text

if TYPE_CHECKING:
    from packetlab.internet.traceroute import Hop
    from packetlab.wire.verbs.traceroute import TracerouteResult


@click.command(short_help="which routers are on the way")
@click.argument("host")
@click.option("-U", "--udp", "method", flag_value="udp", help="Send UDP datagrams: needs no privilege.")
@click.option("-T", "--tcp", "method", flag_value="tcp", help="Send TCP SYNs: firewalls let them pass most often.")
@click.option("--icmp", "method", flag_value="icmp", help="Send echo requests (the default where allowed).")
@click.option("-p", "--port", type=click.IntRange(0, 65535), default=0, help="Port for UDP (33434) or TCP (80).")
@click.option("-f", "--first", "first_hop", type=click.IntRange(1, 255), default=1, help="First TTL.")
@click.option("-m", "--max-hops", type=click.IntRange(1, 255), default=30, show_default=True, help="Last TTL.")
@click.option("-q", "--probes", type=click.IntRange(1, 10), default=3, show_default=True, help="Probes per hop.")
@click.option("-W", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait for each answer.")
@family_options
@interface_option
@write_option
@json_option
def traceroute(host: str, method: str | None, write: str | None, as_json: bool, **options: Any) -> int:
    """Show the routers on the way to HOST, one line a hop.

    All probes look like one flow to load balancers, so they take one way. The exit code is 1 where HOST did not
    answer.
    """
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.traceroute import traceroute_live

    with interruptible() as stop, recording(write) as record:
        live = traceroute_live(host, method=method or None, record=record, stop=stop, **options)  # type: ignore[arg-type]
        for _ in live:
            pass
    result = live.result
    if as_json:
        print_json(_data(result))
    else:
        _print(result, host)
    return 0 if result.ok else 1


def _print(result: "TracerouteResult", host: str) -> None:
    from packetlab.internet.traceroute import verdict

    say(f"to {result.target}, {result.method.upper()} probes; times by the {result.clock.split()[0]} clock")
    if not result.exact:
        say("without privilege: routers that quote no data of ours look silent")
    for number, hop in enumerate(result.hops):
        words = verdict(hop, result.hops[number + 1 :])
        say(f"{hop.number:>3}  {_hop(hop)}" + (f"  ({words})" if words else ""), hang=5)
    if result.stopped:
        say("interrupted")
    elif not result.reached:
        refused = [one for hop in result.hops for one in hop.answers if one.kind == "refused"]
        say(f"{host} was not reached: " + (refused[0].text if refused else "nothing came back from there"))


def _hop(hop: "Hop") -> str:
    parts = []
    for address in hop.addresses:
        mine = [one for one in hop.answers if one.address == address]
        times = "  ".join(duration(one.rtt) for one in mine if one.rtt is not None)
        texts = "; ".join(dict.fromkeys(one.text for one in mine if one.text))
        parts.append(f"{ip_text(address)}  {times}" + (f"  {texts}" if texts else ""))
    stars = " ".join("*" * hop.lost)
    return "  ".join([*parts, stars] if stars else parts)


def _data(result: "TracerouteResult") -> dict[str, Any]:
    from packetlab.internet.traceroute import verdict

    return {
        "target": ip_text(result.target.address), "method": result.method, "reached": result.reached,
        "clock": result.clock, "exact": result.exact, "interrupted": result.stopped,
        "hops": [
            {
                "hop": hop.number, "addresses": [ip_text(one) for one in hop.addresses], "lost": hop.lost,
                "verdict": verdict(hop, result.hops[number + 1 :]),
                "answers": [
                    {"address": ip_text(one.address) if one.address else None, "rtt_ns": one.rtt, "kind": one.kind,
                     "text": one.text, "mtu": one.mtu or None}
                    for one in hop.answers
                ],
            }
            for number, hop in enumerate(result.hops)
        ],
    }  # fmt: skip
