"""`packetlab pcap findings`: what deserves attention in a capture, and what it means."""

from itertools import groupby
from typing import TYPE_CHECKING

import click

from packetlab.cli.common import json_option, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packetlab.analysis.findings import Finding
    from packetlab.show.block import Block, View

MOST_SHOWN = 6
"""Findings of one kind that are shown without --all."""
_MARKS = {"error": ("ERROR", "bad"), "warning": ("WARNING", "layer2"), "note": ("NOTE", "layer0")}


@click.command(short_help="what deserves attention: errors, delays, suspicions")
@click.argument("file")
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Only packets for which a display filter holds.")
@click.option("--severity", type=click.Choice(["error", "warning", "note"]), default="note", show_default=True,
              help="Nothing less grave than this.")  # fmt: skip
@click.option("--all", "show_all", is_flag=True, help="All findings of each kind, not the first few.")
@click.option("--brief", is_flag=True, help="Without explanation and advice.")
@json_option
def findings(file: str, condition: str | None, severity: str, show_all: bool, brief: bool, as_json: bool) -> int:
    """Say what deserves attention in FILE (pcap or pcapng, also compressed; - is standard input).

    \b
    packetlab pcap findings web.pcapng
    packetlab pcap findings web.pcapng --severity warning --brief
    The exit code is 1 where an error or a warning was found.
    """
    from packetlab.analysis.filter import parse
    from packetlab.analysis.findings import SEVERITIES
    from packetlab.analysis.findings import findings as find
    from packetlab.cli.progress import progress
    from packetlab.show import print_to_terminal

    where = parse(condition) if condition else None
    with progress("looking") as advance:
        found = find(file, where, advance=advance)
    grave = SEVERITIES[: SEVERITIES.index(severity) + 1]
    shown = [one for one in found if one.severity in grave]
    if as_json:
        print_json({"findings": [one.as_dict() for one in shown]})
    else:
        print_to_terminal(report(shown, show_all=show_all, brief=brief))
    return 1 if any(one.severity != "note" for one in found) else 0


def report(found: "Sequence[Finding]", *, show_all: bool = False, brief: bool = False) -> "View":
    """The findings as text: kind by kind, each explained once."""
    from packetlab.show.block import Block, View

    def make(width: int) -> Block:
        made = Block(width)
        if not found:
            made.line(("Nothing deserves attention.", "good"))
            return made
        counts = [f"{sum(one.severity == name for one in found)} {name}" for name in _MARKS]
        words = [text + ("s" if not text.startswith("1 ") else "") for text in counts if not text.startswith("0 ")]
        made.line((", ".join(words), "head"))
        for _, group in groupby(found, key=lambda one: one.kind):
            of_kind = list(group)
            _kind(made, of_kind, show_all=show_all, brief=brief)
        return made

    return View(make)


def _kind(made: "Block", found: "list[Finding]", *, show_all: bool, brief: bool) -> None:
    first = found[0]
    mark, style = _MARKS[first.severity]
    made.line()
    made.wrapped((f"{mark}  ", style), (first.title, "head"), hang=2)
    if not brief:
        made.extend(_paragraph(first.explanation, made.width - 2), 2)
    some = found if show_all else found[:MOST_SHOWN]
    for one in some:
        detail = f": {one.detail}" if one.detail else ""
        made.wrapped(("  * ", ""), (one.about, "value"), (detail, ""), (f"  {numbers(one)}", "note"), hang=6)
    if len(found) > len(some):
        left = sum(one.count for one in found[len(some) :])
        made.wrapped((f"  * and {len(found) - len(some)} more like these ({left} packets); --all lists them", "note"))
    if not brief:
        made.extend(_paragraph(f"Next: {first.next}", made.width - 2, "name"), 2)
        if first.of.filter:
            made.line((f"  Filter: -Y '{first.of.filter}'", "note"))


def _paragraph(text: str, width: int, style: str = "") -> "Block":
    from packetlab.show.block import Block

    made = Block(width)
    made.wrapped((text, style), hang=0)
    return made


def numbers(finding: "Finding", most: int = 5) -> str:
    """The packets: "packets 3, 4, 9", or the first few of many; nothing where there are none."""
    if not finding.packets:
        return ""
    some = ", ".join(map(str, finding.packets[:most]))
    if finding.count > min(most, len(finding.packets)):
        return f"packets {some} ... ({finding.count} in all)"
    return f"packet{'s' if finding.count > 1 else ''} {some}"
