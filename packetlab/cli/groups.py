"""Groups of commands that import a command's module only when that command is asked for.

`packetlab --help` must cost little, so each group has a table of names and one-line helps; the commands
themselves live in the modules that the table names.
"""

import importlib
from typing import Any

import click
from click.shell_completion import CompletionItem

Commands = dict[str, tuple[str, str, str]]
"""name: (module under packetlab.cli, attribute, one-line help)"""


class LazyGroup(click.Group):
    """A group made from a table of commands."""

    def __init__(self, *args: Any, commands_table: Commands, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = commands_table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table, which goes from what is met first to what is met last."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in self.table:
            return None
        module, attribute, _ = self.table[cmd_name]
        return getattr(importlib.import_module(f"packetlab.cli.{module}"), attribute)  # type: ignore[no-any-return]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names of commands and options, without importing one of them."""
        found = [CompletionItem(name, help=text) for name, (_, _, text) in self.table.items()
                 if name.startswith(incomplete)]  # fmt: skip
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

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
