"""`packetlab pcap`: questions to a capture file, and changes to it. One command, one module."""

import click

from packetlab.cli.groups import Commands, LazyGroup

COMMANDS: Commands = {}


@click.group(cls=LazyGroup, commands_table=COMMANDS)
def pcap() -> None:
    """Ask questions of a capture file (pcap or pcapng, also compressed), or make another one of it.

    \b
    packetlab pcap summary web.pcapng            what is in it
    packetlab pcap list web.pcapng -Y tcp.flags.reset
    tcpdump -w - | packetlab pcap summary -      while it is still being written
    """
