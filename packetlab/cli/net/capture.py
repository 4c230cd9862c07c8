"""`packetlab net capture HOST` and `packetlab net ladder HOST`: the same as `packetlab capture`, at a host."""

from contextlib import ExitStack

import click

from packetlab.cli import completion
from packetlab.cli.common import json_option, recording, write_option
from packetlab.cli.net import net_option

MAX_LADDER = 10_000
"""Frames that a ladder is drawn of."""


@click.command(short_help="packets at a host, as they pass")
@click.argument("host", shell_complete=completion.net_hosts)
@click.argument("words", nargs=-1, metavar="[FILTER]")
@click.option("-i", "--interface", default="", metavar="NAME", help="Only this interface; all of them otherwise.")
@click.option("-c", "--count", type=click.IntRange(min=1), help="Stop after so many packets.")
@click.option("-t", "--time", "seconds", type=click.FloatRange(min=0, min_open=True),
              help="Stop after so many seconds.")  # fmt: skip
@write_option
@json_option
@net_option
def capture(
    host: str, words: tuple[str, ...], interface: str, count: int | None, seconds: float | None, write: str | None,
    as_json: bool, name: str,
) -> int:  # fmt: skip
    """Show packets at HOST as they pass, until Ctrl-C; FILTER is a display filter."""
    from packetlab.cli.capture import watch
    from packetlab.net.remote import RemoteNetwork

    there = RemoteNetwork(name)[host]
    return watch(words, interface, count, seconds, False, write, as_json, host=there)


@click.command(short_help="who says what to whom, at one host")
@click.argument("host", shell_complete=completion.net_hosts)
@click.argument("words", nargs=-1, metavar="[FILTER]")
@click.option("-i", "--interface", default="", metavar="NAME", help="Only this interface; all of them otherwise.")
@click.option("-c", "--count", type=click.IntRange(min=1), default=MAX_LADDER, help="Stop after so many packets.")
@click.option("-t", "--time", "seconds", type=click.FloatRange(min=0, min_open=True),
              help="Stop after so many seconds.")  # fmt: skip
@write_option
@net_option
def ladder(
    host: str, words: tuple[str, ...], interface: str, count: int, seconds: float | None, write: str | None, name: str
) -> int:
    """Collect packets at HOST until Ctrl-C, then draw who said what to whom."""
    import packetlab.protocols  # noqa: F401
    from packetlab.cli.capture import frames_passing
    from packetlab.net.remote import RemoteNetwork
    from packetlab.show import ladder as draw
    from packetlab.show import print_to_terminal

    there = RemoteNetwork(name)[host]
    with ExitStack() as stack:
        record = stack.enter_context(recording(write))
        frames = []
        for frame, _ in frames_passing(words, interface, min(count, MAX_LADDER), seconds, False, host=there):
            frames.append(frame)
            if record is not None:
                record.write(frame)
    if frames:
        print_to_terminal(draw(frames))
    return 0 if frames else 1
