"""`packetlab handshake HOST PORT...`: SYN, SYN-ACK, ACK by hand, and what it says about each port."""

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
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.transport.handshake import PortResult
    from packetlab.wire.host import Host
    from packetlab.wire.verbs.handshake import HandshakeResult

MOST_DRAWN = 4
"""Ports whose segments are drawn as a ladder; more would not be read."""


@click.command(short_help="open TCP connections by hand")
@click.argument("host")
@click.argument("ports", nargs=-1, required=True, metavar="PORT...")
@family_options
@interface_option
@click.option("--rst", "reset", is_flag=True, help="End with RST instead of FIN in both directions.")
@click.option("-W", "--timeout", type=float, default=1.0, show_default=True, help="Seconds to wait for the first try.")
@click.option("--retries", type=click.IntRange(0, 10), default=2, show_default=True, help="SYNs sent again.")
@click.option("--ttl", type=click.IntRange(1, 255), default=64, show_default=True, help="TTL or hop limit.")
@click.option("--source-port", type=ANY_PORT, default=0, help="Our port; 0 is any free one.")
@click.option("--ladder/--no-ladder", default=None, help="Draw the exchange (by default up to 4 ports).")
@write_option
@json_option
@click.pass_obj
def handshake(via: "Host | None", /, host: str, ports: tuple[str, ...], ladder: bool | None, write: str | None,
              as_json: bool, reset: bool, family: int, **options: Any) -> int:  # fmt: skip
    """Open a TCP connection to each PORT (80, 20-25 or 80,443) of HOST by hand, and close it again.

    \b
    packetlab handshake example.com 443          one port, with its ladder
    packetlab handshake 192.0.2.1 20-25,80       several at once
    packetlab handshake ::1 80 -w syn.pcapng     and keep the frames

    The exit code is 0 if every port is open, 1 otherwise. The kernel knows nothing of these connections: a
    listening socket with the filter "drop all" keeps it from answering with RST.
    """
    import packetlab.protocols  # noqa: F401
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.handshake import handshake_live

    numbers = port_numbers(ports)
    with interruptible() as stop, recording(write) as record:
        live = handshake_live(host, numbers, via=via, family=family, finish="rst" if reset else "fin", record=record,
                              stop=stop, **options)  # fmt: skip
        for event in live:
            if not as_json:
                say(_line(event))
    result = live.result
    if as_json:
        print_json(_data(result))
        return 0 if result.ok else 1
    if result.frames and (ladder or (ladder is None and len(numbers) <= MOST_DRAWN)):
        from packetlab.show import ladder as draw
        from packetlab.show import print_to_terminal

        click.echo()
        print_to_terminal(draw(result.frames))
    _summary(result, len(numbers))
    return 0 if result.ok and len(result.ports) == len(numbers) else 1


def port_numbers(texts: tuple[str, ...]) -> tuple[int, ...]:
    """The ports in "80", "20-25", "80,443"; UsageError for anything else."""
    found: dict[int, None] = {}
    for part in ",".join(texts).split(","):
        first, dash, last = part.partition("-")
        if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
            raise UsageError(f"{part!r} is not a port", remedy="write 80, 20-25 or 80,443")
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= 65_535:
            raise UsageError(f"there is no port {part}", remedy="ports go from 1 to 65535")
        found.update(dict.fromkeys(range(low, high + 1)))
    return tuple(found)


def _line(port: "PortResult") -> str:
    time = f" after {duration(port.rtt)}" if port.rtt is not None else ""
    text = f"port {port.port}: {port.state}{time} - {port.text}"
    if port.state == "open" and port.sequences is not None:
        ours, theirs = port.sequences
        details = ", ".join([*port.options, f"window {port.window}", f"TTL {port.ttl}"])
        text += f" ({details}); initial sequence numbers {ours} (ours) and {theirs} (theirs); {port.ending}"
    if port.tries > 1 and port.rtt is not None:
        text += f"; {port.tries} SYNs were needed"
    if port.banner:
        from packetlab.show import safe_text

        text += f"; it said first: {safe_text(port.banner, limit=120)}"
    return text


def _summary(result: "HandshakeResult", asked: int) -> None:
    counts = {state: sum(port.state == state for port in result.ports) for state in ("open", "closed", "filtered")}
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no answer"
    missing = asked - sum(counts.values())
    if missing:
        said += f", {missing} not settled"
    click.echo()
    say(f"{result.target} from port {result.source_port}: {said}; times by the {result.clock.split()[0]} clock")
    if not result.ok:
        say_others(result.target)


def _data(result: "HandshakeResult") -> dict[str, Any]:
    from packetlab.model.addresses import ip_text

    ports = [
        {
            "port": port.port, "state": port.state, "text": port.text, "rtt_ns": port.rtt, "tries": port.tries,
            "options": list(port.options), "window": port.window, "ttl": port.ttl,
            "sequences": list(port.sequences) if port.sequences else None, "ending": port.ending,
            "banner": port.banner.hex(), "answered_by": ip_text(port.answered_by) if port.answered_by else None,
        }
        for port in result.ports
    ]  # fmt: skip
    return {
        "host": result.target.name, "address": ip_text(result.target.address), "source": ip_text(result.target.source),
        "others": others_data(result.target),
        "source_port": result.source_port, "interface": result.target.interface, "clock": result.clock,
        "ports": ports,
    }  # fmt: skip
