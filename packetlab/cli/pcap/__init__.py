"""`packetlab pcap`: questions to a capture file, and changes to it. One command, one module."""

import click

from packetlab.cli.groups import Commands, LazyGroup

COMMANDS: Commands = {
    "summary": ("pcap.summary", "summary", "what is in it: protocols, talkers, times, sizes, damage"),
    "flows": ("pcap.flows", "flows", "who talked to whom, how much, and how far it came"),
    "list": ("pcap.list_packets", "list_packets", "one line for each packet, or chosen fields"),
    "show": ("show", "show", "packets in depth: layers, bytes, figures, words"),
    "follow": ("pcap.follow", "follow", "What a TCP connection carried, both sides in order."),
    "messages": ("pcap.messages", "messages", "what was said over HTTP, DNS and TLS, on any port"),
    "query": ("pcap.query", "query", "SQL over packets, flows, DNS, HTTP, TLS, findings"),
    "export": ("pcap.export", "export", "packets, flows, messages as a table; objects as files"),
    "findings": ("pcap.findings", "findings", "what deserves attention: errors, delays, suspicions"),
    "health": ("pcap.health", "health", "TCP: loss, delays, windows, resets; who limits a transfer"),
    "plot": ("pcap.plot", "plot", "traffic over time, round trips, sequence numbers as curves"),
    "cut": ("pcap.cut", "cut", "keep some packets: by number, time or filter"),
    "merge": ("pcap.merge", "merge", "join captures in the order of time"),
    "split": ("pcap.split", "split", "cut into several: by number, size, time, filter or flow"),
    "dedup": ("pcap.dedup", "dedup", "leave out packets that were captured twice"),
    "anonymise": ("pcap.anonymise", "anonymise", "replace all addresses under a key"),
    "repair": ("pcap.repair", "repair", "write all that is sound of a damaged capture"),
    "convert": ("pcap.convert", "convert", "the same packets in another format"),
}


@click.group(cls=LazyGroup, commands_table=COMMANDS)
def pcap() -> None:
    """Ask questions of a capture file (pcap or pcapng, also compressed), or make another one of it.

    \b
    packetlab pcap summary web.pcapng            what is in it
    packetlab pcap list web.pcapng -Y 'tcp.flags.reset == 1'
    tcpdump -w - | packetlab pcap summary -      while it is still being written
    """
