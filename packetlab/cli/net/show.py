"""`packetlab net list` and `packetlab net show`."""

import contextlib

import click

from packetlab.cli.common import json_option, print_json
from packetlab.cli.net import net_option


@click.command(name="list", short_help="the networks that are up")
@json_option
def list_networks(as_json: bool) -> int:
    """This user's networks that are up; the exit code is 1 where there is none."""
    from packetlab.net.channel import Gone
    from packetlab.net.remote import RemoteNetwork, running

    found = []
    for name in running():
        with contextlib.suppress(Gone):  # it has ended since
            found.append(RemoteNetwork(name).describe())
    if as_json:
        print_json(found)
    for one in found if not as_json else ():
        hosts = [node["name"] for node in one["nodes"] if node["kind"] == "host"]
        lab = ", a lab" if one["lab"] else ""
        click.echo(f"{one['name']}: hosts {', '.join(hosts)}  (process {one['pid']}{lab})")
    if not found and not as_json:
        click.echo("no network is up; start one with: packetlab net up FILE", err=True)
    return 0 if found else 1


@click.command(short_help="hosts, addresses and cables, as a drawing")
@net_option
@json_option
def show(name: str, as_json: bool) -> int:
    """The hosts, addresses and cables of a network that is up."""
    from packetlab.net.remote import RemoteNetwork

    found = RemoteNetwork(name).describe()
    if as_json:
        print_json(found)
    else:
        click.echo(found["diagram"])
    return 0
