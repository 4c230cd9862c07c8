"""`packetlab capture`: what passes this machine's interfaces, as it passes."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import json_option, recording, write_option

if TYPE_CHECKING:
    from packetlab.model.frame import Frame
    from packetlab.model.packet import Packet
    from packetlab.wire.host import Host
    from packetlab.wire.packet_socket import PacketDevice

GOING = 2.0
"""Seconds between the end of an interface and the end of the network that it belongs to."""


@click.command(short_help="show packets as they pass")
@click.argument("words", nargs=-1, metavar="[FILTER]")
@click.option("-i", "--interface", default="", metavar="NAME", help="Only this interface; all of them otherwise.")
@click.option("-c", "--count", type=click.IntRange(min=1), help="Stop after so many packets.")
@click.option("-t", "--time", "seconds", type=click.FloatRange(min=0, min_open=True),
              help="Stop after so many seconds.")  # fmt: skip
@click.option("-p", "--no-promiscuous", is_flag=True, help="Only frames for this machine.")
@write_option
@json_option
def capture(
    words: tuple[str, ...], interface: str, count: int | None, seconds: float | None, no_promiscuous: bool,
    write: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Show packets as they pass, until Ctrl-C; FILTER is a display filter.

    \b
    packetlab capture                              everything
    packetlab capture arp                          one protocol
    packetlab capture tcp.port == 80 and ip.ttl == 64
    packetlab capture -i eth0 -w out.pcapng -c 100

    The exit code is 1 where no packet was seen.
    """
    return watch(words, interface, count, seconds, no_promiscuous, write, as_json)


def watch(
    words: tuple[str, ...], interface: str, count: int | None, seconds: float | None, no_promiscuous: bool,
    write: str | None, as_json: bool, host: "Host | None" = None, end: Any = None,
) -> int:  # fmt: skip
    """What `packetlab capture` does, on this machine or in a host of a virtual network; its exit code."""
    from packetlab.show.listing import Listing

    listing, seen = Listing(), 0
    with recording(write) as record:
        for frame, packet in frames_passing(words, interface, count, seconds, no_promiscuous, host=host, end=end):
            seen += 1
            if record is not None:
                record.write(frame)
            if as_json:
                _print_json(frame, packet)
            else:
                listing.print(frame, packet)
    return 0 if seen else 1


def frames_passing(
    words: tuple[str, ...], interface: str, count: int | None, seconds: float | None, no_promiscuous: bool,
    host: "Host | None" = None, end: Any = None,
) -> "Iterator[tuple[Frame, Packet]]":  # fmt: skip
    """The frames that fit a display filter, until there are `count`, `seconds` are over, or Ctrl-C.

    `end` (something with a fileno) is readable when the host is gone: nothing more can come then.
    """
    import packetlab.protocols  # noqa: F401 - knows what to look for
    from packetlab.analysis.filter import parse
    from packetlab.model.packet import decapsulate
    from packetlab.wire.device import wait
    from packetlab.wire.loop import interruptible
    from packetlab.wire.packet_socket import PacketDevice

    wanted = parse(" ".join(words)) if words else None
    if no_promiscuous is False and not interface:
        no_promiscuous = True  # promiscuous mode is a property of one interface
    seen, first = 0, None
    deadline = time.monotonic() + seconds if seconds else None
    with interruptible() as stop, PacketDevice(interface, promiscuous=not no_promiscuous, via=host) as device:
        click.echo(f"listening on {interface or 'all interfaces'}; Ctrl-C ends", err=True)
        while not stop.asked and (count is None or seen < count):
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            ready = wait([device, stop] if end is None else [device, stop, end], left)
            frames = _arrived(device, end) if ready else []
            if not frames and end in ready:
                click.echo("the network has ended", err=True)
                break
            for frame in frames:
                first = frame.time if first is None else first
                packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
                if wanted is not None and not wanted.matches(packet, frame, first):
                    continue
                seen += 1
                yield frame, packet
                if count is not None and seen >= count:
                    break
        dropped = device.drops()
    lost = f", {dropped} dropped by the kernel because we were too slow" if dropped else ", none dropped"
    click.echo(f"{seen} packet{'s' if seen != 1 else ''} shown{lost}", err=True)


def _arrived(device: "PacketDevice", end: Any) -> "list[Frame]":
    from packetlab.model.errors import UnreachableError
    from packetlab.wire.device import wait

    try:
        return device.receive()
    except UnreachableError:
        if end is None or not wait([end], GOING):
            raise
        return []  # the interface went with its network


def _print_json(frame: Any, packet: Any) -> None:
    """One object a line, so that a program can read while we write."""
    import json
    import sys

    from packetlab.show import summary

    value = {
        "time_ns": frame.time, "interface": frame.interface, "direction": frame.direction,
        "length": frame.wire_length, "summary": summary(packet), "data": frame.data.hex(),
    }  # fmt: skip
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


