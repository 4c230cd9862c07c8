"""What several commands need: shared options, recording to a file, and words for times."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from packetlab.capture.writer import CaptureWriter
    from packetlab.model.frame import Frame
    from packetlab.wire.resolve import Target
    from packetlab.wire.verbs.connecting import Attempt

json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for programs instead of text for people."
)


def print_json(value: Any) -> None:
    """One JSON document on standard output; ASCII only, so that no terminal can be controlled through it."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


write_option: Callable[[Any], Any] = click.option(
    "-w", "--write", "write", metavar="FILE", help="Record the frames, as they were on the wire, to a pcapng file."
)


def family_options(command: Any) -> Any:
    """-4 and -6, given to the command as `family`: 0, 4 or 6."""
    command = click.option("-6", "family", flag_value=6, type=int, help="Use IPv6.")(command)
    return click.option("-4", "family", flag_value=4, type=int, default=0, help="Use IPv4.")(command)


interface_option: Callable[[Any], Any] = click.option(
    "-I", "--interface", default="", metavar="NAME", help="Send through this interface."
)


def print_line(value: dict[str, Any]) -> None:
    """One JSON object a line, so that a program can read while we go on."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def print_frames(frames: "Sequence[Frame]", why_not: str) -> None:
    """A ladder of frames, or why there is none."""
    if not frames:
        say(f"no frames to show: {why_not or 'none were seen'}")
        return
    from packetlab.show import ladder, print_to_terminal

    click.echo()
    print_to_terminal(ladder(frames))


@contextmanager
def recording(path: str | None) -> "Iterator[CaptureWriter | None]":
    """A writer for `-w FILE`, or None; the file is sound at every moment and says how it came to be."""
    if path is None:
        yield None
        return
    from packetlab.capture.writer import CaptureWriter

    words = " ".join(["packetlab", *sys.argv[1:]])
    with CaptureWriter(path, comments=[words], flush=True) as writer:
        yield writer
    count = writer.frames_written
    click.echo(f"{plural(count, 'frame')} recorded in {path}", err=True)


def say(text: str, *, hang: int = 2) -> None:
    """Print a sentence, wrapped at the width of the terminal (at most 100 columns), continued lines indented."""
    import shutil
    import textwrap

    width = min(100, shutil.get_terminal_size().columns)
    click.echo(textwrap.fill(text, width, subsequent_indent=" " * hang, break_on_hyphens=False))
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print an error; on a terminal each of its lines is wrapped at words, in a pipe it stays one.

    Lines that begin with blanks, but for a remedy, stay as they are: they quote, and point at what they quote.
    """
    import os
    import textwrap

    if sys.stderr.isatty():
        try:
            width = int(os.environ.get("COLUMNS", "")) or 80
        except ValueError:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        text = "\n".join(
            line if len(line) <= width or (line.startswith(" ") and not line.startswith("  try: ")) else
            textwrap.fill(line, max(20, min(100, width)), subsequent_indent="    ", break_on_hyphens=False,
                          break_long_words=False)
            for line in text.rstrip("\n").split("\n")
        )  # fmt: skip
    click.echo(text.rstrip("\n"), err=True)


def tried_data(tried: "Iterable[Attempt]") -> list[dict[str, Any]]:
    """For JSON: the addresses of a name that were tried, and what came of each."""
    from packetlab.model.addresses import ip_text

    return [
        {"address": ip_text(one.address), "outcome": one.outcome, "ns": one.duration, "text": one.text} for one in tried
    ]


def others_data(target: "Target") -> list[str]:
    """For JSON: the addresses of a name that were not asked."""
    from packetlab.model.addresses import ip_text

    return [ip_text(each) for each in target.others]


def say_others(target: "Target") -> None:
    """After a failure: that the name has other addresses, which a command with one target did not try."""
    if not target.others:
        return
    from packetlab.model.addresses import ip_text

    family = next((10 - target.family for each in target.others if len(each) != len(target.address)), 0)
    shown = ", ".join(others_data(target)[:3]) + (", ..." if len(target.others) > 3 else "")
    what = f"; -{family} asks there" if family else ""
    say(f"only {ip_text(target.address)} was asked; {target.name} is {shown} as well{what}")


def plural(count: int, word: str) -> str:
    """1 byte, 2 bytes."""
    return f"{count} {word}{'s' if count != 1 else ''}"


def duration(nanoseconds: int) -> str:
    """A time as people read it: 0.043 ms, 12.3 ms, 1.25 s."""
    milliseconds = nanoseconds / 1e6
    if milliseconds < 10:
        return f"{milliseconds:.3f} ms"
    return f"{milliseconds:.1f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"
