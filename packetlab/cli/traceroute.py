"""`packetlab traceroute`: the routers on the way, and what their silence means."""

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
from packetlab.cli.ports import ANY_PORT
from packetlab.model.addresses import ip_text

if TYPE_CHECKING:
    from packetlab.internet.traceroute import Answer, Hop
    from packetlab.wire.verbs.traceroute import TracerouteResult


@click.command(short_help="which routers are on the way")
@click.argument("host")
@click.option("-U", "--udp", "method", flag_value="udp", help="Send UDP datagrams: needs no privilege.")
@click.option("-T", "--tcp", "method", flag_value="tcp", help="Send TCP SYNs: firewalls let them pass most often.")
@click.option("--icmp", "method", flag_value="icmp", help="Send echo requests (the default where allowed).")
@click.option("-p", "--port", type=ANY_PORT, default=0, help="Port for UDP (33434) or TCP (80).")
@click.option("-f", "--first", "first_hop", type=click.IntRange(1, 255), default=1, help="First TTL.")
@click.option("-m", "--max-hops", type=click.IntRange(1, 255), default=30, show_default=True, help="Last TTL.")
@click.option("-q", "--probes", type=click.IntRange(1, 10), default=3, show_default=True, help="Probes per hop.")
@click.option("-W", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait for each answer.")
@family_options
@interface_option
@write_option
@json_option
def traceroute(host: str, method: str | None, write: str | None, as_json: bool, **options: Any) -> int:
    """Show the routers on the way to HOST, one line a hop, as soon as it is known.

    All probes look like one flow to load balancers, so they take one way. The exit code is 1 where HOST did not
    answer.
    """
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.traceroute import traceroute_live

    with interruptible() as stop, recording(write) as record:
        live = traceroute_live(host, method=method or None, record=record, stop=stop, **options)  # type: ignore[arg-type]
        way = _Way(options["probes"], options["first_hop"])
        if not as_json:
            say(f"to {live.target}, at most {options['max_hops']} hops")
        for answer in live:
            if not as_json:
                way.add(answer)
    result = live.result
    if as_json:
        print_json(_data(result))
    else:
        way.rest(result)
        _end(result, host)
    return 0 if result.ok else 1


class _Way:
    """The terminal: each hop once all about it and those before it is known."""

    def __init__(self, probes: int, first: int) -> None:
        self._probes, self._next, self._over = probes, first, False
        self._hops: dict[int, Hop] = {}

    def add(self, answer: "Answer") -> None:
        """What became of a probe."""
        from packetlab.internet.traceroute import Hop

        self._hops.setdefault(answer.hop, Hop(answer.hop)).answers.append(answer)
        while (hop := self._hops.get(self._next)) is not None and len(hop.answers) >= self._probes:
            self._print(hop)

    def rest(self, result: "TracerouteResult") -> None:
        """Hops of which only a part is known, as it was stopped."""
        for hop in result.hops:
            if hop.number >= self._next:
                self._print(hop)

    def _print(self, hop: "Hop") -> None:
        self._next = hop.number + 1
        if not self._over:
            say(f"{hop.number:>3}  {_hop(hop)}", hang=5)
        # What was sent farther than the target tells nothing.
        self._over = self._over or any(one.kind in ("target", "refused") for one in hop.answers)


def _end(result: "TracerouteResult", host: str) -> None:
    """What can be said only when all is known."""
    from packetlab.internet.traceroute import verdict

    said: dict[str, list[str]] = {}
    for number, hop in enumerate(result.hops):
        if words := verdict(hop, result.hops[number + 1 :]):
            said.setdefault(words, []).append(str(hop.number))
    for words, hops in said.items():
        say(f"hop{'s' if len(hops) > 1 else ''} {', '.join(hops)}: {words}")
    if result.stopped:
        say("interrupted")
    elif not result.reached:
        refused = [one for hop in result.hops for one in hop.answers if one.kind == "refused"]
        say(f"{host} was not reached: " + (refused[0].text if refused else "nothing came back from there"))
        say_others(result.target)
    say(f"{result.method.upper()} probes; times by the {result.clock.split()[0]} clock")
    if not result.exact:
        say("without privilege: routers that quote no data of ours are asked once more, one probe at a time")


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
        "target": ip_text(result.target.address), "others": others_data(result.target),
        "method": result.method, "reached": result.reached,
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
