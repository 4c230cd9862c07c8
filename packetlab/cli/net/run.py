"""`packetlab net shell HOST` and `packetlab net exec HOST -- COMMAND`."""

import click

from packetlab.cli import completion
from packetlab.cli.net import net_option


@click.command(short_help="a shell in a host")
@click.argument("host", shell_complete=completion.net_hosts)
@click.argument("command", nargs=-1)
@net_option
def shell(host: str, command: tuple[str, ...], name: str) -> int:
    """A shell in HOST (or COMMAND, with a terminal of its own). Leave it as any shell: exit, or Ctrl-D.

    Files are your own; network, host name and name servers are those of the host.
    """
    from packetlab.net.remote import RemoteNetwork

    return RemoteNetwork(name)[host].shell(command)


@click.command(name="exec", short_help="one command in a host", context_settings={"ignore_unknown_options": True})
@click.argument("host", shell_complete=completion.net_hosts)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@net_option
def execute(host: str, command: tuple[str, ...], name: str) -> int:
    """Run COMMAND in HOST; its exit code is ours.

    \b
    packetlab net exec client -- ping -c 1 server
    """
    from packetlab.net.remote import RemoteNetwork

    return RemoteNetwork(name)[host].run(command)
