"""The `packetlab` command: a group whose commands are imported only when they are run.

`packetlab --help` must cost little, so the names and one-line helps stand here and nowhere else; each command
lives in `packetlab/cli/<module>.py`. PacketLabError is shown as one sentence with its remedy, never as a
traceback, and ends the program with the error's own exit code.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from packetlab.model.errors import PacketLabError

# name: (module under packetlab.cli, attribute, one-line help)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("demo", "demo", "Start here: a walk through the layers on a small network."),
    "ping": ("ping", "ping", "Send echo requests: is a host there, how far, how lossy?"),
    "arp": ("arp", "arp", "Ask who has an IPv4 address; scan, probe, announce."),
    "ndp": ("ndp", "ndp", "Ask who has an IPv6 address; probe for a free one."),
    "handshake": ("handshake", "handshake", "Open TCP connections by hand: open, closed or filtered?"),
    "traceroute": ("traceroute", "traceroute", "Which routers are on the way to a host?"),
    "udp": ("udp", "udp", "Send a datagram and see what comes back; or echo."),
    "dns": ("dns", "dns", "Ask what a name stands for, and who says so."),
    "http": ("http", "http", "Get a page, stage by stage, with the frames that carried it."),
    "capture": ("capture", "capture", "Show packets as they pass; record them."),
    "send": ("send", "send", "Build a packet from a short expression or hex, and send it."),
    "interfaces": ("interfaces", "interfaces", "Addresses, routes and neighbours of this machine."),
    "show": ("show", "show", "List the packets of a capture file, or show some in depth."),
    "explain": ("explain", "explain", "Explain a protocol, a field, or a packet given in hex."),
    "address": ("address", "address", "Tell what an IP address, prefix or MAC address is."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when that command is asked for."""

    def __init__(self, *args: Any, commands_table: dict[str, tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = commands_table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table, which goes from seeing to sending to practising."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in self.table:
            return None
        module, attribute, _ = self.table[cmd_name]
        return getattr(importlib.import_module(f"packetlab.cli.{module}"), attribute)  # type: ignore[no-any-return]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, and with the nearest names where there is no such command."""
        if args and args[0] not in self.table and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self.table, n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing one of them."""
        if not self.table:
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in self.table.items()])


@click.group(cls=LazyGroup, commands_table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="packetlab", message="packetlab %(version)s")
def cli() -> None:
    """See network traffic at work: build, send, capture, dissect, explain and practise."""


def main(args: Sequence[str] | None = None) -> None:
    """The console script. Exit codes: 0 success, 1 no answer or a finding, 2 usage, 3 missing privilege."""
    try:
        code = cli.main(args=list(args) if args is not None else None, prog_name="packetlab", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except PacketLabError as error:
        click.echo(f"packetlab: {error}", err=True)
        if error.remedy:
            click.echo(f"  try: {error.remedy}", err=True)
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
