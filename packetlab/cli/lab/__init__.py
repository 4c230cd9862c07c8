"""`packetlab lab`: exercises on virtual networks that check themselves by packets. One command, one module."""

import click

from packetlab.cli.groups import Commands, LazyGroup

COMMANDS: Commands = {
    "list": ("lab.listing", "list_labs", "all labs, what they teach, and how far you are"),
    "start": ("lab.session", "start", "build a lab's network and show its first step"),
    "step": ("lab.session", "step", "show the current step again, or go to another"),
    "shell": ("lab.session", "shell", "a shell, or one command, on a host of the lab"),
    "watch": ("lab.watch", "watch", "all of it on one screen: step, live frames, checks"),
    "answer": ("lab.session", "answer", "answer a question of the step"),
    "check": ("lab.session", "check", "judge what was sent, by the packets"),
    "frames": ("lab.session", "frames", "the frames that were seen in this attempt"),
    "hint": ("lab.session", "hint", "a nudge; the next time, a larger one"),
    "solution": ("lab.session", "solution", "the reference solution of the step"),
    "reset": ("lab.session", "reset", "build the network anew, with other values"),
    "stop": ("lab.session", "stop", "take the network down"),
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
    """
