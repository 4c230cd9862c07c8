"""`packetlab net`: virtual networks that stay up until they are taken down. One command, one module."""

from collections.abc import Callable
from typing import Any

import click

from packetlab.cli.groups import Commands, LazyGroup

COMMANDS: Commands = {
    "up": ("net.up", "up", "build the network that a file describes, and keep it"),
    "list": ("net.show", "list_networks", "the networks that are up"),
    "show": ("net.show", "show", "hosts, addresses and cables, as a drawing"),
    "shell": ("net.run", "shell", "a shell in a host"),
    "exec": ("net.run", "execute", "one command in a host"),
    "capture": ("net.capture", "capture", "packets at a host, as they pass"),
    "ladder": ("net.capture", "ladder", "who says what to whom, at one host"),
    "down": ("net.up", "down", "end a network and everything in it"),
}

net_option: Callable[[Any], Any] = click.option(
    "--net", "name", default="", metavar="NAME", help="Which network; the only one otherwise."
)


@click.group(cls=LazyGroup, commands_table=COMMANDS)
def net() -> None:
    """Virtual networks of real hosts, without root: each host is a network of this machine's kernel.

    \b
    packetlab net up office.yaml          build it, and keep it
    packetlab net shell client            a shell in a host; every program works there
    packetlab net exec client -- ping -c1 server
    packetlab net capture server          packets as they pass
    packetlab net down                    gone, with all that ran in it

    A network is a YAML file:

    \b
    hosts:
      client: 10.0.0.1/24
      server: 10.0.0.2/24
    links:
      - client -- server
    """
