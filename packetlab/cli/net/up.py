"""`packetlab net up FILE` and `packetlab net down`."""

from pathlib import Path

import click

from packetlab.cli import completion
from packetlab.cli.common import json_option, print_json, say
from packetlab.cli.net import net_option
from packetlab.model.errors import UsageError


@click.command(short_help="build the network that a file describes, and keep it")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--name", default="", metavar="NAME", help="What to call it; the file's name otherwise.")
@json_option
def up(file: Path, name: str, as_json: bool) -> int:
    """Build the network that FILE (YAML) describes. It stays up until `packetlab net down`.

    Hosts have no way to any other network, and nothing of it is left when its process ends, however it ends.
    Services that FILE declares are started with it and end with it; a command of it that fails at once is an error,
    and the network does not come up. `packetlab net --help` lists them.
    """
    from packetlab.net import Network
    from packetlab.net.remote import RemoteNetwork, running
    from packetlab.net.shared import hold_in_background

    network = Network.from_spec(file)
    called = name or file.stem
    pid = hold_in_background(network, called, str(file.resolve()))
    if as_json:
        print_json(RemoteNetwork(called).describe())
        return 0
    click.echo(network.diagram())
    first = next(host.name for host in [*network.hosts, *network])
    which, end = ("", "") if running() == [called] else (f" --net {called}", f" {called}")
    click.echo()
    say(f"{called} is up (process {pid}). Next: packetlab net shell{which} {first}, and packetlab net down{end}")
    return 0


@click.command(short_help="end a network and everything in it")
@click.argument("name", default="", shell_complete=completion.networks)
@click.option("--all", "everything", is_flag=True, help="All that are up.")
def down(name: str, everything: bool) -> int:
    """End the network NAME (the only one, if there is one), and every command that runs in it."""
    from packetlab.net.remote import RemoteNetwork, running

    if name and not everything:
        ending = [RemoteNetwork(name)]
    else:
        found = [RemoteNetwork(each) for each in running()]
        ending = [one for one in found if not one.describe()["lab"]]  # a lab ends with `packetlab lab stop`
        if found and not ending and not everything:
            raise UsageError("no network is up but those of labs", remedy="packetlab lab stop ends a lab")
        if len(ending) != 1 and not everything:
            ending = [RemoteNetwork()]
    for one in ending:
        one.down()
        click.echo(f"{one.name} is down")
    return 0


__all__ = ["down", "net_option", "up"]
