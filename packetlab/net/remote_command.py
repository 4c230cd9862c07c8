"""A command in a host of a network that another process holds: both sides of it.

Its open files are ours, or a terminal that we relay (terminal.py). Signals that we get are messages on the
connection; the connection's end, at either side, is the command's end.
"""

import os
import select
import signal
from collections.abc import Sequence
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING, Any

from packetlab.model.errors import UsageError
from packetlab.net.control import Control
from packetlab.net.signals import Signals
from packetlab.net.terminal import is_ours, relayed

if TYPE_CHECKING:
    from packetlab.net.control_server import Client
    from packetlab.net.host import VirtualHost

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGCONT)
_GRACE = 1.0
"""Seconds for a command to end after SIGHUP, when nobody waits for it any more."""


def run_for(client: "Client", host: "VirtualHost", request: dict[str, Any]) -> int:
    """Runs a client's command to its end, on the client's open files; -9 is death by signal 9."""
    if len(client.files) != 3:
        raise UsageError("a command needs three open files")
    stdin, stdout, stderr = client.files
    process = host.popen(
        [str(word) for word in request["command"]], stdin=stdin, stdout=stdout, stderr=stderr,
        env=request["env"], cwd=request["cwd"], terminal=bool(request["terminal"]),
    )  # fmt: skip
    client.close_files()  # the command's end must be the end of its output
    with process:
        while process.poll() is None:
            ready = _ready(client, process)
            if client in ready:
                said = client.hear()
                process.send_signal(signal.SIGHUP if said is None else int(said["signal"]))
                if said is None:
                    try:
                        process.wait(_GRACE)
                    except TimeoutExpired:
                        process.kill()
        return process.wait()


def run(control: Control, host: str, command: Sequence[str], streams: Sequence[int] = (0, 1, 2)) -> int:
    """Runs a command on open files of ours; its exit code. Ctrl-C, Ctrl-Z and a wish to end are passed on."""
    with Signals(_FORWARDED) as signals, control.open(_request(host, command), streams) as channel:
        while True:
            ready = _ready(channel, signals)
            for number in signals.read() if signals in ready else ():
                # A command without a terminal has nobody who could continue it: the kernel would ignore SIGTSTP.
                channel.send({"signal": signal.SIGSTOP if number == signal.SIGTSTP else number})
                if number == signal.SIGTSTP:
                    os.kill(os.getpid(), signal.SIGSTOP)
            if channel in ready:
                return _exit_code(control.answer(channel)[0])


def shell(control: Control, host: str, command: Sequence[str] = ()) -> int:
    """Gives our terminal to a shell (or another command) until it ends; its exit code."""
    words = list(command) or [os.environ.get("SHELL") or "/bin/sh"]
    if not is_ours():
        return run(control, host, words)
    request = _request(host, words, terminal=True)
    channel = relayed(lambda terminal: control.open(request, (terminal, terminal, terminal)))
    return _exit_code(control.answer(channel)[0])


def _ready(*sources: Any) -> list[Any]:
    return select.select(sources, [], [])[0]


def _request(host: str, command: Sequence[str], *, terminal: bool = False) -> dict[str, Any]:
    try:
        folder = str(Path.cwd())
    except FileNotFoundError:
        raise UsageError("the folder that we are in is there no longer", remedy="cd") from None
    return {"do": "run", "host": host, "command": list(command), "terminal": terminal, "env": dict(os.environ),
            "cwd": folder}  # fmt: skip


def _exit_code(code: int) -> int:
    return 128 - code if code < 0 else code
