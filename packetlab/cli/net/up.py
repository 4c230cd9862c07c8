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

    Hosts have no way to any other network, and nothing of it is left when its process ends, however it ends. Services
    start and end with it; a command that fails at once is an error, and the network does not come up.

    \b
    hosts:
      client: 10.0.1.2/24 fd00:1::2/64 via 10.0.1.1 fd00:1::1
      server:
        address: 10.0.2.2/24
        via: 10.0.2.1
        services: [dns lab.test, http 80 ./site, "run: python3 server.py"]
    routers:
      r: {left: 10.0.1.1/24 fd00:1::1/64, right: 10.0.2.1/24}
    switches: [left]
    hubs: [right]
    links:
      - client -- left -- r -- right
      - right -- server: {delay: 10ms, loss: 1%, mtu: 1400}

    \b
    hosts, routers  address, via, dns, mac, routes: {10.9.0.0/16: 10.0.1.9},
                    services; under a neighbour's name, the address there
    nat             a router that hides what is behind it:
                    home: {sw: 192.168.1.1/24, isp: 203.0.113.2/24,
                      via: 203.0.113.1, outside: isp,
                      forward: [tcp 8080 -> 192.168.1.2:80]}
    switches        s1: {stp: true} runs the spanning tree
    links           mtu: 1400, and what a bad cable does:
                    delay: 10ms, jitter: 2ms, loss: 1%, duplicate, reorder,
                    corrupt: 1%, rate: 10Mbit, queue: 64kB,
                    drop: [3, 5] or every 7, flip: [4] (one bit of it),
                    match: which frames these count: tcp-data, tcp-syn, tcp,
                    udp, icmp, arp, ip; toward: a NODE, seed: 7, pad, fcs
    allow           [duplicate-address, overlapping-subnets, loop, gateway]

    Services:

    \b
    echo [PORT]            gives back what it gets, TCP and UDP; port 7
    http [PORT] [FOLDER]   a folder's files, or what the path asks for:
                           /delay/2, /status/503, /echo ... (/ lists all)
    https [PORT] [FOLDER]  the same; curl in a host trusts it; $PACKETLAB_CA
                           is the authority's certificate
    dns [DOMAIN]           the hosts of this network as HOST.DOMAIN
                           (HOST.test); all hosts ask it
    dns FILE.zone [ORIGIN]   a master file
    dns recursive ROOT ...   asks from the root down
    dhcp FIRST-LAST        addresses of that range; also: router A, dns A,
                           domain NAME, lease SECONDS
    run: COMMAND           any program or script
    run 8080: COMMAND      and waits until it listens there

    Paths are relative to FILE. What services say: packetlab net log
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
