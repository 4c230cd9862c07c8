"""Ports as arguments and options of commands."""

from typing import Any

import click

LARGEST = 65_535


class Port(click.IntRange):
    """A port; what is none gets a sentence that says what stands at this place."""

    name = "port"

    def __init__(self, least: int = 1) -> None:
        super().__init__(least, LARGEST)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number; BadParameter where it is none or out of range."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"a port comes here, {self.min} to {LARGEST}, and {value!r} is none", param, ctx)


PORT = Port()
ANY_PORT = Port(0)
"""0 stands for one that is chosen."""
