"""`packetlab pcap health FILE`: what is the matter with TCP connections, in sentences."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import duration, json_option, print_json, say
from packetlab.cli.pcap.summary import damage_json, number, print_damage, size

if TYPE_CHECKING:
    from packetlab.analysis.filter import Filter
    from packetlab.analysis.tcp_health import HealthReport, PacketHealth, Statement, StreamHealth


@click.command(short_help="TCP: loss, delays, full windows, resets; who limits a transfer, and why")
@click.argument("file")
@click.option("--stream", type=click.IntRange(min=0), metavar="N", help="All about one connection.")
@click.option("--packets", is_flag=True, help="One line for each segment of which something was found.")
@click.option("--plot", "curve", type=click.Choice(["rtt", "sequence", "window", "throughput"]),
              help="Draw the connection (--stream, or the largest).")  # fmt: skip
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Only packets for which a display filter holds.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N",
              help="Describe the N connections with most trouble; 10 by default, with --json all.")  # fmt: skip
@json_option
def health(
    file: str, stream: int | None, packets: bool, curve: Any, condition: str | None, limit: int | None, as_json: bool
) -> int:
    """How the TCP connections in FILE fare (pcap or pcapng, also compressed; - is standard input).

    The names of what is found of a segment are those of Wireshark's tcp.analysis. Exit code 1: something is wrong.

    \b
    packetlab pcap health web.pcapng                  connections with trouble, worst first
    packetlab pcap health web.pcapng --stream 3 --plot sequence
    packetlab pcap health web.pcapng --packets        every retransmission, gap, full window
    """
    from packetlab.analysis.filter import parse

    where = parse(condition) if condition else None
    if packets:
        return _segments(file, where, stream, as_json)
    from packetlab.analysis.tcp_health import reports

    report = reports(file, where, stream=stream)
    if as_json:
        print_json(_document(report, limit))
    else:
        _print(report, stream is not None, limit or 10)
        if curve is not None:
            _draw(file, curve, where, stream)
        print_damage(list(report.damage))
    wrong = any(said.severity != "note" for one in report.streams for said in one.statements)
    return 1 if wrong or report.damage else 0


def _draw(file: str, curve: Any, where: "Filter | None", stream: int | None) -> None:
    from packetlab.analysis.curves import curves
    from packetlab.show import print_to_terminal
    from packetlab.show.plots import plot_terminal

    made = curves(file, curve, where, stream=stream)
    print_to_terminal(plot_terminal(made.series, made.title, made.x_label, made.y_label))


def _print(report: "HealthReport", single: bool, limit: int) -> None:
    if not report.count:
        click.echo("no TCP connections")
        return
    troubled = [one for one in report.streams if one.score]
    if not single:
        click.echo(f"{number(report.count)} TCP connection{'s' * (report.count != 1)}, "
                   f"{number(sum(any(said.severity != 'note' for said in one.statements) for one in troubled))} "
                   "with trouble")  # fmt: skip
    if report.count > len(report.streams) and not single:
        say(f"of these the {number(len(report.streams))} of which most was found are reported on")
    if report.left_out:
        say(f"{number(report.left_out)} segments were not judged: too many connections, or no sound header")
    for one in report.streams if single else troubled[:limit]:
        click.echo()
        _print_stream(one)
    if not single and len(troubled) > limit:
        click.echo(f"\n{number(len(troubled) - limit)} more; --limit shows them, --stream N one of them")


def _print_stream(one: "StreamHealth") -> None:
    click.echo(f"connection {one.stream}: {one.client} -> {one.server}")
    trip = f", handshake {duration(one.handshake)}" if one.handshake else ""
    click.echo(f"  {duration(one.duration)}{trip}")
    for mark, side in zip("><", one.sides, strict=True):
        words = [f"{number(side['packets'])} packets", f"{size(side['payload'])} payload"]
        if side["again"]:
            words.append(f"{number(side['again'])} sent again")
        if side["trips"]:
            words.append(f"acknowledges after {duration(side['trip_sum'] // side['trips'])}")
        click.echo(f"  {mark} {', '.join(words)}")
    for said in one.statements:
        say(f"  {said.severity}: {said.text} {said.why}", hang=4)
        if said.severity != "note":
            say(f"    Next: {said.advice}", hang=4)
        if said.packets:
            say(f"    packet{'s' * (len(said.packets) != 1)} {_numbers(said.packets)}", hang=4)


def _numbers(packets: list[int], most: int = 10) -> str:
    shown = " ".join(str(one) for one in packets[:most])
    return f"{shown} ..." if len(packets) > most else shown


def _document(report: "HealthReport", limit: int | None) -> dict[str, Any]:
    return {
        "connections": report.count, "left_out": report.left_out, "damage": damage_json(list(report.damage)),
        "streams": [_stream_json(one) for one in report.streams[:limit]],
    }  # fmt: skip


def _stream_json(one: "StreamHealth") -> dict[str, Any]:
    def side(which: int) -> dict[str, Any]:
        sums = one.sides[which]
        from packetlab.analysis.tcp_health import MEANINGS

        return {
            "packets": sums["packets"], "payload": sums["payload"], "segments": sums["segments"],
            "sent_again": sums["again"], "sent_again_bytes": sums["again_bytes"],
            "largest_segment": sums["largest"], "most_in_flight": sums["most_in_flight"],
            "zero_window_ns": sums.closed, "timeout_ns": sums.stalled,
            "mean_acknowledgement_ns": sums["trip_sum"] // sums["trips"] if sums["trips"] else None,
            "bits_per_second": one.throughput(which),
            "found": {meaning.name: sums[meaning.name] for meaning in MEANINGS.values() if sums[meaning.name]},
        }  # fmt: skip

    return {
        "stream": one.stream, "client": one.client, "server": one.server, "score": one.score,
        "duration_ns": one.duration, "handshake_ns": one.handshake, "limited_by": one.limited_by,
        "from_client": side(0), "from_server": side(1), "statements": [_said_json(said) for said in one.statements],
    }  # fmt: skip


def _said_json(said: "Statement") -> dict[str, Any]:
    return {"name": said.name, "severity": said.severity, "text": said.text, "why": said.why, "next": said.advice,
            "packets": said.packets}  # fmt: skip


def _segments(file: str, where: "Filter | None", stream: int | None, as_json: bool) -> int:
    """What was found of single segments; as JSON one document, as text one line each as they come."""
    from packetlab.analysis.tcp_health import health as judge

    found: list[dict[str, Any]] = []
    count = 0
    for part in judge(file, where):
        for one in _found(part, stream):
            count += 1
            if as_json:
                found.append(one)
            else:
                click.echo(_line(one))
    if as_json:
        print_json({"packets": found})
    elif not count:
        click.echo("nothing found")
    return 0


def _found(part: "PacketHealth", stream: int | None) -> Iterator[dict[str, Any]]:
    import numpy as np

    from packetlab.analysis.tcp_health.kinds import names

    chosen = part.kinds != 0
    if stream is not None:
        chosen &= part.stream == stream
    rows = np.flatnonzero(chosen)
    columns = (part.number, part.stream, part.direction, part.kinds, part.duplicate, part.duplicate_of, part.waited)
    values = zip(*(column[rows].tolist() for column in columns), strict=True)
    for packet, of, direction, kinds, repeated, repeats, waited in values:
        yield {
            "number": packet, "stream": of, "direction": "<" if direction else ">", "kinds": names(kinds),
            "duplicate_ack": repeated or None, "duplicate_of": repeats or None,
            "waited_ns": waited if waited >= 0 else None,
        }  # fmt: skip


def _line(one: dict[str, Any]) -> str:
    from packetlab.analysis.tcp_health.kinds import MEANINGS

    titles = {meaning.name: meaning.title for meaning in MEANINGS.values()}
    special = [name for name in one["kinds"] if name != "retransmission" or len(one["kinds"]) == 1] or one["kinds"]
    if not any("retransmission" in name for name in special) and "retransmission" in one["kinds"]:
        special.insert(0, "retransmission")
    words = ", ".join(titles[name] for name in special)
    if one["duplicate_ack"]:
        words += f" {one['duplicate_ack']} of packet {one['duplicate_of']}"
    if one["waited_ns"] is not None:
        words += f" after {duration(one['waited_ns'])}"
    return f"{one['number']:>7}  connection {one['stream']} {one['direction']}  {words}"
