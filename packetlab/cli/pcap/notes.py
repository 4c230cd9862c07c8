"""What commands over captures say on standard error when they are done: damage."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from packetlab.analysis.open_capture import Capture


def report_damage(capture: "Capture", *, quiet: bool = False) -> int:
    """One line for each damaged place; the exit code: 1 where there is one."""
    for damage in capture.damage if not quiet else ():
        click.echo(f"damaged: {damage}", err=True)
    return 1 if capture.damage else 0
