"""`packetlab completion SHELL`, and what the Tab key finds: names of labs, steps, hosts and networks.

A completion must be quick and silent: whatever goes wrong, there is just nothing to propose.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

SHELLS = ("bash", "zsh", "fish")
HOW = {
    "bash": 'eval "$(packetlab completion bash)"     # in ~/.bashrc',
    "zsh": 'eval "$(packetlab completion zsh)"       # in ~/.zshrc',
    "fish": "packetlab completion fish | source      # in ~/.config/fish/config.fish",
}

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


@click.command(short_help="completion by the Tab key, for bash, zsh and fish")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print what SHELL needs to complete packetlab's commands, options, labs, steps and hosts by the Tab key.

    \b
    eval "$(packetlab completion bash)"         in ~/.bashrc
    eval "$(packetlab completion zsh)"          in ~/.zshrc
    packetlab completion fish | source          in ~/.config/fish/config.fish
    """
    from packetlab.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(f"# {HOW[shell]}")
    click.echo(kind(cli, {}, "packetlab", "_PACKETLAB_COMPLETE").source())
    return 0


def _proposing(find: Callable[[click.Context], Iterable[tuple[str, str]]]) -> Completer:
    """A completer from a function that gives (name, help)."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found: list[CompletionItem] = []
        with contextlib.suppress(Exception):
            found = [CompletionItem(name, help=text) for name, text in find(context) if name.startswith(incomplete)]
        return found

    return complete


@_proposing
def labs(context: click.Context) -> Iterable[tuple[str, str]]:
    """All labs."""
    from packetlab.lab.format import all_labs

    return [(lab.id, lab.title) for lab in all_labs()]


def _running_lab() -> Any:
    from packetlab.lab.client import request

    return request("status")


@_proposing
def lab_hosts(context: click.Context) -> Iterable[tuple[str, str]]:
    """The hosts of the lab that runs."""
    return [(host, "") for host in _running_lab()["hosts"]]


@_proposing
def lab_steps(context: click.Context) -> Iterable[tuple[str, str]]:
    """The steps of the lab that runs."""
    return [(step["id"], step["title"]) for step in _running_lab()["steps"]]


@_proposing
def answers(context: click.Context) -> Iterable[tuple[str, str]]:
    """The questions of the step, as NAME=."""
    return [(f"{question['name']}=", question["text"]) for question in _running_lab()["questions"]]


@_proposing
def networks(context: click.Context) -> Iterable[tuple[str, str]]:
    """The networks that are up."""
    from packetlab.net.remote import running

    return [(name, "") for name in running()]


@_proposing
def net_hosts(context: click.Context) -> Iterable[tuple[str, str]]:
    """The hosts of the network that `--net` names, or of the only one."""
    from packetlab.net.remote import RemoteNetwork

    nodes = RemoteNetwork(context.params.get("name") or "").describe()["nodes"]
    return [(node["name"], node["kind"]) for node in nodes if node["kind"] not in ("switch", "hub")]


@_proposing
def protocols(context: click.Context) -> Iterable[tuple[str, str]]:
    """All protocols, by the names that filters use."""
    from packetlab.show.explain import protocol_dicts

    return [(str(one["name"]), str(one["text"])) for one in protocol_dicts()]
