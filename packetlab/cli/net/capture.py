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
@click.option("-i", "--interface", default="", metavar="NAME",
              help="Only this interface, or that towards this neighbour; all of them otherwise.")  # fmt: skip
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

    network = RemoteNetwork(name)
    there = network[host]
    only = there.interface(interface) if interface else ""
    with network.until_down() as end:
        return watch(words, only, count, seconds, False, write, as_json, host=there, end=end)


@click.command(short_help="who says what to whom, at one host")
@click.argument("host", shell_complete=completion.net_hosts)
@click.argument("words", nargs=-1, metavar="[FILTER]")
@click.option("-i", "--interface", default="", metavar="NAME",
              help="Only this interface, or that towards this neighbour; all of them otherwise.")  # fmt: skip
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

    network = RemoteNetwork(name)
    there = network[host]
    only = there.interface(interface) if interface else ""
    with ExitStack() as stack:
        end = stack.enter_context(network.until_down())
        record = stack.enter_context(recording(write))
        frames = []
        for frame, _ in frames_passing(words, only, min(count, MAX_LADDER), seconds, False, host=there, end=end):
            frames.append(frame)
            if record is not None:
                record.write(frame)
    if frames:
        print_to_terminal(draw(frames))
    return 0 if frames else 1
