"""The `packetlab` command: a group whose commands are imported only when they are run.

`packetlab --help` must cost little, so the names and one-line helps stand here and nowhere else; each command
lives in `packetlab/cli/<module>.py`. PacketLabError is shown as one sentence with its remedy, never as a
traceback, and ends the program with the error's own exit code.
"""

import gc
import sys
from collections.abc import Sequence

import click

from packetlab.cli.common import complain
from packetlab.cli.groups import Commands, LazyGroup
from packetlab.model.errors import PacketLabError

COMMANDS: Commands = {
    "demo": ("demo", "demo", "Start here: a walk through the layers on a small network."),
    "lab": ("lab", "lab", "Exercises on networks of your own that check themselves."),
    "doctor": ("doctor", "doctor", "Try what this machine allows; name the fix where it does not."),
    "ping": ("ping", "ping", "Send echo requests: is a host there, how far, how lossy?"),
    "arp": ("arp", "arp", "Ask who has an IPv4 address; scan, probe, announce."),
    "ndp": ("ndp", "ndp", "Ask who has an IPv6 address; probe for a free one."),
    "handshake": ("handshake", "handshake", "Open TCP connections by hand: open, closed or filtered?"),
    "traceroute": ("traceroute", "traceroute", "Which routers are on the way to a host?"),
    "tcp": ("tcp", "tcp", "Open a connection, send data, see what comes back; or echo."),
    "udp": ("udp", "udp", "Send a datagram and see what comes back; or echo."),
    "dns": ("dns", "dns", "Ask what a name stands for, and who says so."),
    "http": ("http", "http", "Get a page, stage by stage, with the frames that carried it."),
    "capture": ("capture", "capture", "Show packets as they pass; record them."),
    "send": ("send", "send", "Build a packet from a short expression or hex, and send it."),
    "interfaces": ("interfaces", "interfaces", "Addresses, routes and neighbours of this machine."),
    "show": ("show", "show", "List the packets of a capture file, or show some in depth."),
    "pcap": ("pcap", "pcap", "Ask questions of capture files; cut, merge, mend them."),
    "net": ("net", "net", "Virtual networks of real hosts, without root."),
    "explain": ("explain", "explain", "Explain a protocol, a field, or a packet given in hex."),
    "address": ("address", "address", "Tell what an IP address, prefix or MAC address is."),
    "completion": ("completion", "completion", "Completion by the Tab key, for bash, zsh and fish."),
}


@click.group(cls=LazyGroup, commands_table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="packetlab", message="packetlab %(version)s")
def cli() -> None:
    """See network traffic at work: build, send, capture, dissect, explain and practise."""


def _show(error: click.ClickException) -> None:
    """What click has to say, wrapped as our own errors are."""
    import io

    said = io.StringIO()
    error.show(said)
    complain(said.getvalue())


def main(args: Sequence[str] | None = None) -> None:
    """The console script. Exit codes: 0 success, 1 no answer or a finding, 2 usage, 3 missing privilege."""
    # Importing makes many objects that live for ever; looking for garbage among them every 700 takes 20 ms.
    gc.set_threshold(20_000, 10, 10)
    try:
        code = cli.main(args=list(args) if args is not None else None, prog_name="packetlab", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        _show(error)
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except PacketLabError as error:
        complain(f"packetlab: {error}" + (f"\n  try: {error.remedy}" if error.remedy else ""))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our pipe has gone (`| head`); Python must not complain about it at exit.
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


if __name__ == "__main__":
    main()
