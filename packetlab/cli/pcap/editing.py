"""What the commands that make another capture of one have in common: where to write, and the report."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import json_option
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.capture.edit import Edit

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TIMES = {"": 1.0, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def output_options(command: Any) -> Any:
    """-o, --format and --json."""
    formats = click.Choice(["pcapng", "pcap-ns", "pcap-us"])
    command = json_option(command)
    command = click.option(
        "--format", "format", type=formats, help="Format; otherwise the name's ending says: .pcap, .cap, .dmp or not."
    )(command)
    return click.option(
        "-o", "--output", "output", required=True, metavar="OUT",
        help="File to write; a further .gz, .zst or .lz4 compresses; - is standard output.",
    )(command)  # fmt: skip


def report(result: "Edit", as_json: bool, *, output: str, verb: str = "written", damage_is_news: bool = True) -> int:
    """Says what was done; the exit code. On standard error where the capture goes to standard output."""
    from packetlab.cli import packets

    if as_json:
        import json

        made = {
            "read": result.read, "written": result.written, "files": result.files,
            "not_kept": dict(result.not_kept), "damage": packets.damage_dicts(result.damage),
        }  # fmt: skip
        click.echo(json.dumps(made, indent=2), err=output == "-")
        return 1 if result.damage and damage_is_news else 0
    files = result.files[0] if len(result.files) == 1 else f"{len(result.files)} files"
    if not result.files:
        files = "no file, as there is no packet"
    where = "standard output" if output == "-" else files
    click.echo(f"{_packets(result.read)} read, {result.written} {verb} to {where}", err=output == "-")
    if len(result.files) > 1:
        for name in result.files[:20]:
            click.echo(f"  {name}")
        if len(result.files) > 20:
            click.echo(f"  ... and {len(result.files) - 20} more, the last of them {Path(result.files[-1]).name}")
    for what, count in result.not_kept.items():
        click.echo(f"this format cannot hold: {what} of {_packets(count)}", err=True)
    code = packets.report_damage(result.damage)
    return code if damage_is_news else 0


def _packets(count: int) -> str:
    return f"{count} packet{'s' if count != 1 else ''}"


def condition(file: str, text: str | None) -> Callable[[Any], bool] | None:
    """Whether a display filter holds for the frames of a capture that is about to be read; None without one."""
    if text is None:
        return None
    import packetlab.protocols  # noqa: F401
    from packetlab.analysis.filter.selected import holding

    return holding(file, text)


def size_of(text: str) -> int:
    """Bytes: 1500, 64k, 10M, 1G."""
    number, unit = _split(text)
    unit = unit.lower().removesuffix("ib").removesuffix("b")
    if unit not in _UNITS or number <= 0:
        raise UsageError(f"{text!r} is no size", remedy="write bytes, or 64k, 10M, 1G")
    return max(1, int(number * _UNITS[unit]))


def seconds_of(text: str) -> float:
    """Seconds: 30, 2.5s, 500ms, 5min, 1h."""
    number, unit = _split(text)
    if unit.lower() not in _TIMES or number <= 0:
        raise UsageError(f"{text!r} is no length of time", remedy="write seconds, or 500ms, 5min, 2h, 1d")
    return number * _TIMES[unit.lower()]


def _split(text: str) -> tuple[float, str]:
    text = text.strip()
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    try:
        number = float(digits)
    except ValueError:
        return 0.0, "?"
    return (number, text[len(digits) :].strip()) if 0 < number < 1e15 else (0.0, "?")


def moment_of(text: str) -> tuple[int, bool]:
    """A moment in nanoseconds, and whether it counts from the first packet: 12.5s, or 2024-05-01T12:00:00."""
    if text[:4].isdecimal() and text[4:5] == "-":
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            raise UsageError(f"{text!r} is no date", remedy="write 2024-05-01T12:00:00 (UTC, or with +02:00)") from None
        when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        delta = when - datetime(1970, 1, 1, tzinfo=UTC)
        return (delta.days * 86400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000, False
    if text.strip() in ("0", "0s"):
        return 0, True
    return round(seconds_of(text) * 1e9), True


__all__ = ["condition", "moment_of", "output_options", "report", "seconds_of", "size_of"]
