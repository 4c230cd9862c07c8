"""Commands to which one types, in `packetlab lab watch`: they get the terminal, and give it back."""

import sys
from pathlib import Path

import pytest

from packetlab.lab.watch.commands import Typed, commands_in
from tests.lab.learner import Learner
from tests.on_terminal import OnTerminal


@pytest.mark.parametrize(("command", "talks"), [
    ("packetlab tcp s 80 - --crlf", True), ("packetlab udp s 9 -", True), ("nc s 80", True), ("python3", True),
    ("packetlab tcp s 80 hello", False), ("printf hi | packetlab tcp s 80 -", False), ("python3 reply.py", False),
    ("packetlab tcp s 80 - < page", False), ("packetlab tcp s 80 'a - b'", False), ("nc s 80 &", False),
    ("ping -c 1 s", False), ("it's not one", False),
])  # fmt: skip
def test_a_command_that_reads_what_nobody_puts_in_is_a_conversation(command: str, talks: bool) -> None:
    assert Typed("c", command).is_conversation is talks


def test_what_a_text_shows_to_be_typed_into_a_command_is_brought_as_no_command() -> None:
    text = ("\n    packetlab lab shell c\n    packetlab tcp s 80 - --crlf\n\nType:\n\n    GET /a HTTP/1.1\n"
            "    Host: s\n\nThen:\n\n    exit\n    packetlab lab shell c -- ip a\n")  # fmt: skip
    assert list(commands_in(text, ["c", "s"])) == ["c$ packetlab tcp s 80 - --crlf", "c$ ip a"]


def test_two_pages_are_asked_for_by_hand_without_leaving_the_screen(tmp_path: Path) -> None:
    with Learner(tmp_path) as learner:
        learner.must("start", "rtt", "--seed", "3")
        learner.must("step", "once")
        environment = learner.environment | {"TERM": "xterm-256color"}
        command = [sys.executable, "-m", "packetlab.cli.main", "lab", "watch"]
        with OnTerminal(command, env=environment) as terminal:
            terminal.until("Do not open it twice")
            terminal.type("r")
            terminal.until("Down: commands of the step")
            terminal.type("\x1b[B")
            terminal.until("80 - --crlf")
            terminal.type("\r")
            terminal.until("(What you type goes to it; Ctrl-D ends.)")
            terminal.type("GET /nothing HTTP/1.1\nHost: s\n\n")
            terminal.until("HTTP/1.1 404")
            terminal.type("\x04")
            terminal.until("(Enter goes back to the lab.)")
            terminal.type("\n")
            terminal.until("Do not open it twice")
            terminal.type("q")
            assert terminal.ends() == 0
