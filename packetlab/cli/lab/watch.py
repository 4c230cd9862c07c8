"""`packetlab lab watch`: the running lab on one screen."""

import sys

import click

from packetlab.cli import completion
from packetlab.model.errors import UsageError


@click.command(short_help="the lab on one screen: step, live frames, checks")
@click.argument("name", metavar="[LAB]", default="", shell_complete=completion.labs)
@click.option("--seed", type=click.IntRange(min=0), help="With LAB: for the same values again.")
def watch(name: str, seed: int | None) -> int:
    """Show the running lab (or start LAB first) on one screen: the step, every frame as it passes, and verdicts.

    Commands are typed there as well, on any host. Press ? for the keys; q leaves, and the lab goes on.
    """
    from packetlab.lab.client import request, start_session
    from packetlab.lab.watch import run_screen

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("this needs a terminal", remedy="packetlab lab step, lab frames and lab check do without")
    if name:
        running = _running()
        if running and running != name:
            raise UsageError(f"the lab {running} is running", remedy="packetlab lab stop ends it; progress is kept")
        if not running:
            start_session(name, seed)
    request("status")
    run_screen()
    if lab := _running():
        click.echo(f"The lab {lab} goes on: `packetlab lab watch` comes back to it,\n`packetlab lab stop` ends it.")
    return 0


def _running() -> str:
    """The id of the running lab, "" where there is none."""
    from packetlab.lab.client import request

    try:
        return str(request("status")["lab"])
    except UsageError:
        return ""
