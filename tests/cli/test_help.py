"""The help pages of all commands."""

from collections.abc import Iterator

import click

from packetlab.cli.main import cli


def pages(group: click.Group, above: click.Context) -> Iterator[tuple[str, str]]:
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=above, terminal_width=80)
        yield context.command_path, command.get_help(context)
        if isinstance(command, click.Group):
            yield from pages(command, context)


def test_no_page_shows_its_own_markup() -> None:
    found = dict(pages(cli, click.Context(cli, info_name="packetlab")))
    assert len(found) > 40
    for name, page in found.items():
        assert r"\b" not in page and "\b" not in page, name
