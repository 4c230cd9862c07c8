"""`packetlab pcap summary FILE`: what is in a capture, at a glance."""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import duration, json_option, print_json
from packetlab.cli.progress import progress

if TYPE_CHECKING:
    from packetlab.analysis.summary import Summary

MOST_DAMAGE = 100
"""Damaged places that are spelled out."""


@click.command(short_help="what is in a capture: protocols, talkers, times, sizes, damage")
@click.argument("file")
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Only packets for which a display filter holds.")
@click.option("--talkers", type=click.IntRange(min=0), default=10, show_default=True, metavar="N",
              help="Show the N addresses with the most bytes.")  # fmt: skip
@json_option
def summary(file: str, condition: str | None, talkers: int, as_json: bool) -> int:
    """What is in FILE (pcap or pcapng, also compressed; - is standard input).

    \b
    packetlab pcap summary web.pcapng
    packetlab pcap summary web.pcapng -Y 'ip.addr == 192.0.2.7'
    tcpdump -w - | packetlab pcap summary -      Ctrl-C shows what there was
    """
    from packetlab.analysis.filter import parse
    from packetlab.analysis.summary import summary as summarise

    where = parse(condition) if condition else None
    with progress("reading") as advance:
        found = summarise(file, where, talkers=talkers, advance=advance)
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found)
        print_damage(found.damage)
    return 1 if found.damage else 0


def print_damage(damage: list[Any]) -> None:
    """A line on standard error for each damaged place."""
    for one in damage[:MOST_DAMAGE]:
        click.echo(f"damaged: {one}", err=True)
    if len(damage) > MOST_DAMAGE:
        click.echo(f"damaged: {len(damage) - MOST_DAMAGE} more places", err=True)


def number(value: int) -> str:
    """A count with its thousands set apart."""
    return f"{value:,}".replace(",", " ")


def size(value: float) -> str:
    """Bytes as people read them: 812 B, 1.2 kB, 390.5 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def moment(nanoseconds: int) -> str:
    """A time of day, UTC."""
    import datetime

    try:
        base = datetime.datetime.fromtimestamp(nanoseconds // 1_000_000_000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return f"{nanoseconds / 1e9:.6f} s since 1970"
    return f"{base:%Y-%m-%d %H:%M:%S}.{nanoseconds // 1000 % 1_000_000:06d} UTC"


def _print(found: "Summary") -> None:
    from packetlab.show.safe import safe_text

    def line(name: str, value: str) -> None:
        click.echo(f"{name:12} {value}")

    line("file", f"{safe_text(found.name)} ({safe_text(found.format)})")
    cut = f", {number(found.packets_cut)} of them cut short" if found.packets_cut else ""
    line("packets", f"{number(found.packets)}{cut}")
    held = "" if found.bytes_captured == found.bytes else f", {size(found.bytes_captured)} of them in the file"
    line("bytes", f"{number(found.bytes)} ({size(found.bytes)}){held}")
    if found.first is not None and found.last is not None:
        line("from", moment(found.first))
        line("to", f"{moment(found.last)}{'' if found.in_order else ' (not in order of time)'}")
        line("duration", duration(found.duration))
        seconds = found.duration / 1e9
        if seconds > 0:
            rates = f"{size(found.bytes / seconds)}/s, {8 * found.bytes / seconds / 1e6:.3g} Mbit/s"
            line("rate", f"{found.packets / seconds:.1f} packets/s, {rates}")
    if found.dropped is not None:
        line("dropped", f"{number(found.dropped)} packets while capturing, as the capture says")
    for one in found.interfaces:
        words = [f"link type {one.interface.link_type}", f"{number(one.packets)} packets, {size(one.bytes)}"]
        texts = [one.interface.description, one.interface.filter and f"filter {one.interface.filter}",
                 one.interface.comment]  # fmt: skip
        line("interface", "; ".join([safe_text(one.interface.label), *words,
                                     *(safe_text(text, limit=200) for text in texts if text)]))  # fmt: skip
    for comment in found.comments[:10]:
        line("comment", safe_text(comment.text, limit=200))
    if found.packets:
        _print_tree(found)
        _print_sizes(found)
        _print_talkers(found)
        _print_bins(found)


def _print_tree(found: "Summary") -> None:
    click.echo(f"\n{'protocols':36} {'packets':>14} {'share':>8} {'bytes':>12}")
    for one in found.protocols[:200]:
        name = "  " * (len(one.path) - 1) + one.path[-1]
        share = 100 * one.packets / found.packets
        click.echo(f"{name:36} {number(one.packets):>14} {share:6.2f} % {size(one.bytes):>12}")
    if len(found.protocols) > 200:
        click.echo(f"... and {len(found.protocols) - 200} more (--json has them all)")


def _print_sizes(found: "Summary") -> None:
    click.echo(f"\n{'packet size':14} {'packets':>14} {'share':>8}")
    most = max(count for _, _, count in found.sizes)
    for low, high, count in found.sizes:
        if count:
            words = f"{low}-{high}" if high is not None else f"{low} and more"
            share = 100 * count / found.packets
            click.echo(f"{words:14} {number(count):>14} {share:6.2f} %  {'#' * round(36 * count / most)}".rstrip())


def _print_talkers(found: "Summary") -> None:
    if found.talkers:
        of = f" ({len(found.talkers)} of {found.addresses})" if found.addresses > len(found.talkers) else ""
        click.echo(f"\n{'top talkers' + of:38} {'sent':>10} {'packets':>9} {'received':>10} {'packets':>9}")
        for one in found.talkers:
            sent = f"{size(one.bytes_sent):>10} {number(one.packets_sent):>9}"
            received = f"{size(one.bytes_received):>10} {number(one.packets_received):>9}"
            click.echo(f"{one.address:38} {sent} {received}".rstrip())


def _print_bins(found: "Summary") -> None:
    from packetlab.show import print_to_terminal
    from packetlab.show.plots import Series, plot_terminal

    if len(found.bins) < 2:
        return
    start = found.bins[0][0]
    times = [(begin - start) / 1e9 for begin, _, _ in found.bins]
    rates = [count * 1e9 / found.bin_width for _, count, _ in found.bins]
    click.echo()
    print_to_terminal(plot_terminal([Series("packets/s", times, rates, "steps")], "traffic over time", "seconds",
                                    "packets/s", height=8))  # fmt: skip


def _as_json(found: "Summary") -> dict[str, Any]:
    return {
        "file": found.name, "format": found.format, "packets": found.packets, "bytes": found.bytes,
        "bytes_captured": found.bytes_captured, "packets_cut": found.packets_cut, "first_ns": found.first,
        "last_ns": found.last, "duration_ns": found.duration, "in_order": found.in_order, "dropped": found.dropped,
        "link_types": {str(kind): count for kind, count in sorted(found.link_types.items())},
        "interfaces": [
            {"name": one.interface.label, "link_type": one.interface.link_type, "packets": one.packets,
             "bytes": one.bytes, "description": one.interface.description, "filter": one.interface.filter,
             "comment": one.interface.comment}
            for one in found.interfaces
        ],
        "comments": [comment.text for comment in found.comments],
        "sizes": [{"from": low, "to": high, "packets": count} for low, high, count in found.sizes],
        "protocols": [
            {"path": list(one.path), "packets": one.packets, "bytes": one.bytes} for one in found.protocols
        ],
        "addresses": found.addresses,
        "talkers": [
            {"address": one.address, "packets_sent": one.packets_sent, "bytes_sent": one.bytes_sent,
             "packets_received": one.packets_received, "bytes_received": one.bytes_received}
            for one in found.talkers
        ],
        "traffic": {
            "width_ns": found.bin_width,
            "bins": [{"start_ns": start, "packets": count, "bytes": size} for start, count, size in found.bins],
        },
        "damage": damage_json(found.damage),
    }  # fmt: skip


def damage_json(damage: list[Any]) -> list[dict[str, Any]]:
    """Damaged places for programs."""
    return [
        {"offset": one.offset, "what": one.what, "bytes_lost": one.bytes_lost, "packets_lost": one.packets_lost}
        for one in damage
    ]
