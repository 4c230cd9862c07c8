"""`packetlab lab`: exercises on virtual networks that check themselves by packets. One command, one module."""

import click

from packetlab.cli.groups import Commands, LazyGroup

COMMANDS: Commands = {
    "list": ("lab.listing", "list_labs", "all labs, what they teach, and how far you are"),
    "progress": ("lab.listing", "progress", "what you have passed"),
    "run": ("lab.authors", "run", "run a lab's own solutions"),
    "new": ("lab.authors", "new", "for authors: the files of a new lab"),
    "record": ("lab.authors", "record", "for authors: captures for replay mode"),
    "verify": ("lab.authors", "verify", "for authors: prove a lab's checks"),
}


@click.group(cls=LazyGroup, commands_table=COMMANDS)
def lab() -> None:
    """Practise on networks of your own, made on this machine, without root.

    \b
    packetlab lab list                    choose one
    packetlab lab start hub-or-switch     build it, and read the first step
    packetlab lab watch                   see its frames as they pass
    """
