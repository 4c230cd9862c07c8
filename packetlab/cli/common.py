"""What several commands need: the --json flag and the printing of JSON."""

import json
import sys
from collections.abc import Callable
from typing import Any

import click

json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for programs instead of text for people."
)


def print_json(value: Any) -> None:
    """One JSON document on standard output; ASCII only, so that no terminal can be controlled through it."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
