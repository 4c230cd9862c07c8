"""`packetlab address`: what an IP address, a prefix or a MAC address is."""

import click

from packetlab.cli.common import json_option, print_json


@click.command(short_help="tell what an IP address, prefix or MAC address is")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDR...")
@json_option
def address(addresses: tuple[str, ...], as_json: bool) -> int:
    """Tell what ADDR is: the range it is in, what that means, its bits, and where that is written.

    \b
    packetlab address 10.1.2.3
    packetlab address fe80::1%eth0
    packetlab address 192.168.0.0/16
    packetlab address 01:00:5e:00:00:fb
    """
    from dataclasses import asdict

    from packetlab.internet.address import describe
    from packetlab.show.address import address_view
    from packetlab.show.block import blank, print_to_terminal

    found = [describe(text) for text in addresses]
    if as_json:
        print_json([asdict(one) for one in found] if len(found) > 1 else asdict(found[0]))
        return 0
    for number, one in enumerate(found):
        if number:
            print_to_terminal(blank())
        print_to_terminal(address_view(one))
    return 0
