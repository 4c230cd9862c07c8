"""`packetlab net`: virtual networks that stay up until they are taken down. One command, one module."""

from collections.abc import Callable
from typing import Any

import click

from packetlab.cli import completion
from packetlab.cli.groups import Commands, LazyGroup

COMMANDS: Commands = {
    "up": ("net.up", "up", "build the network that a file describes, and keep it"),
    "list": ("net.show", "list_networks", "the networks that are up"),
    "show": ("net.show", "show", "hosts, addresses and cables, as a drawing"),
    "shell": ("net.run", "shell", "a shell in a host"),
    "exec": ("net.run", "execute", "one command in a host"),
    "log": ("net.show", "log", "what the services of hosts have said"),
    "capture": ("net.capture", "capture", "packets at a host, as they pass"),
    "ladder": ("net.capture", "ladder", "who says what to whom, at one host"),
    "down": ("net.up", "down", "end a network and everything in it"),
}

net_option: Callable[[Any], Any] = click.option(
    "--net", "name", default="", metavar="NAME", shell_complete=completion.networks,
    help="Which network; the only one otherwise.",
)


@click.group(cls=LazyGroup, commands_table=COMMANDS)
def net() -> None:
    """Virtual networks of real hosts, without root: each host is a network of this machine's kernel.

    \b
    packetlab net up office.yaml          build it, and keep it
    packetlab net shell client            a shell in a host; any program works
    packetlab net exec client -- ping -c1 server
    packetlab net capture server          packets as they pass
    packetlab net down                    gone, with all that ran in it

    A network is a YAML file; packetlab net up --help tells all that it may say:

    \b
    hosts:
      client: 10.0.0.1/24
      server: {address: 10.0.0.2/24, services: [dns lab.test, http 80]}
    links: [client -- server]
    """
