"""Commands run within this process, as a host of a virtual network: starting Python anew takes longer than most labs.

The solutions and mistakes of labs are such commands by the hundred. It is the command itself that runs, so nothing
about it is said twice: click hands it the host, as its object, and it gives it on as `via`.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.main import cli
from packetlab.model.errors import PacketLabError

if TYPE_CHECKING:
    from packetlab.wire.host import Host

WITHIN = frozenset({"handshake", "ping", "send", "tcp", "udp"})
"""Commands that reach the network through their `via` and in no other way."""


def within(host: "Host", words: Sequence[str]) -> bool:
    """Runs `packetlab ...` in a host to its end, and puts aside what it prints.

    False where it has to be a process of its own; nothing was done then.
    """
    if words[0] != "packetlab" or len(words) < 2 or words[1] not in WITHIN:
        return False
    above = click.Context(cli, obj=host, **cli.context_settings)
    command = cli.get_command(above, words[1])
    assert command is not None
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            with command.make_context(words[1], [*words[2:]], parent=above) as context:
                if _needs_a_process(command, context.params):
                    return False
                command.invoke(context)
        except (click.ClickException, click.exceptions.Exit, PacketLabError):
            pass  # main() would say it and choose the exit code
    return True


def _needs_a_process(command: click.Command, options: Mapping[str, Any]) -> bool:
    """Names are looked up by the system, - is standard input; and what Ctrl-C alone ends would never end here."""
    return (
        ("host" in options and not _is_address(options["host"]))
        or options.get("data") == "-"
        or options.get("listen") is not None
        or options.get("timeout") == 0
        or (command.name == "ping" and options["count"] is None)
        or options.get("write") is not None  # the file says which command made it
    )


def _is_address(text: str | None) -> bool:
    try:
        ip_address(text or "")
    except ValueError:
        return False
    return True
