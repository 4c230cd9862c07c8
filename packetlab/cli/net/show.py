"""`packetlab net list` and `packetlab net show`."""

import contextlib

import click

from packetlab.cli import completion
from packetlab.cli.common import json_option, print_json, say
from packetlab.cli.net import net_option
from packetlab.show.safe import safe_text


@click.command(name="list", short_help="the networks that are up")
@json_option
def list_networks(as_json: bool) -> int:
    """This user's networks that are up, that of a running lab too; the exit code is 1 where there is none."""
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
        say(f"{one['name']}: hosts {', '.join(hosts)}  (process {one['pid']}{lab})")
    if not found and not as_json:
        click.echo("no network is up; start one with: packetlab net up FILE", err=True)
    return 0 if found else 1


@click.command(short_help="hosts, addresses and cables, as a drawing")
@net_option
@json_option
def show(name: str, as_json: bool) -> int:
    """The hosts, addresses, cables and services of a network that is up."""
    from packetlab.net.remote import RemoteNetwork

    found = RemoteNetwork(name).describe()
    if as_json:
        print_json(found)
        return 0
    click.echo(found["diagram"])
    rows = [(node["name"], one["service"], one["state"]) for node in found["nodes"] for one in node["services"]]
    if rows:
        click.echo("\nservices (what they say: packetlab net log)")
    wide, long = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    for host, service, state in rows:
        click.echo(f"  {host:{wide}}  {safe_text(service):{min(long, 50)}}  {state}")
    return 0


@click.command(short_help="what the services of hosts have said")
@click.argument("host", default="", shell_complete=completion.net_hosts)
@net_option
@json_option
def log(host: str, name: str, as_json: bool) -> int:
    """What the services of HOST (of all hosts) have printed or written down; the last lines of each."""
    from packetlab.net.remote import RemoteNetwork

    found = RemoteNetwork(name).log(host)
    if as_json:
        print_json(found)
        return 0
    for one in found:
        click.echo(f"{one['host']}: {safe_text(one['service'])} ({one['state']})")
        for line in one["lines"]:
            click.echo(f"  {line}")
    if not found:
        click.echo(f"{host or 'this network'} has no services; declare some under `services:`", err=True)
    return 0 if found else 1
