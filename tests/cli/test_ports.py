"""Where a command takes a port, something else gets a sentence that says so, whichever command it is."""

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from packetlab.cli.groups import LazyGroup
from packetlab.cli.main import cli
from packetlab.cli.ports import Port


def parameters(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Parameter]]:
    if isinstance(command, LazyGroup):
        for name in command.table:
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from parameters(found, (*path, name))
    else:
        yield from ((path, parameter) for parameter in command.params)


def test_every_parameter_that_is_one_port_is_read_in_the_same_way() -> None:
    ports = {(" ".join(path), one.name) for path, one in parameters(cli) if isinstance(one.type, Port)}
    named = {(" ".join(path), one.name) for path, one in parameters(cli)
             if str(one.name).endswith("port") or "PORT" in (one.metavar, (one.metavar or "").strip("[]"))}  # fmt: skip
    assert ports == named >= {("tcp", "port"), ("tcp", "listen"), ("dns", "port"), ("traceroute", "port")}


@pytest.mark.parametrize(("words", "said"), [
    (["udp", "s", "hi"], "'[PORT]': a port comes here, 1 to 65535, and 'hi' is none"),
    (["tcp", "s", "70000"], "'[PORT]': a port comes here, 1 to 65535, and '70000' is none"),
    (["handshake", "s", "80", "--source-port", "x"], "a port comes here, 0 to 65535, and 'x' is none"),
    (["handshake", "s", "hi"], "'hi' is not a port"),
    (["traceroute", "-p", "http", "s"], "a port comes here, 0 to 65535, and 'http' is none"),
])  # fmt: skip
def test_what_is_no_port_is_told_what_comes_there(words: list[str], said: str) -> None:
    command = [sys.executable, "-m", "packetlab.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)
    assert done.returncode == 2 and said in done.stderr, done.stderr
