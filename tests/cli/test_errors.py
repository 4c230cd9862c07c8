"""Errors on a terminal are wrapped at words, whichever command says them; in a pipe each is one line."""

import os
import subprocess
import sys

import pytest

from tests.on_terminal import OnTerminal

PACKETLAB = [sys.executable, "-m", "packetlab.cli.main"]


def shown(words: list[str], columns: int, **environment: str) -> list[str]:
    """The lines that a terminal of so many columns shows."""
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | environment
    with OnTerminal([*PACKETLAB, *words], env=env, size=(24, columns)) as terminal:
        assert terminal.ends() == 2
        return terminal.seen.replace("\r", "").rstrip("\n").split("\n")


def test_an_error_and_its_remedy_are_wrapped_at_words() -> None:
    assert shown(["lab", "start", "hub-or-swich-" + "x" * 10], 36) == [
        "packetlab: there is no lab", "    'hub-or-swich-xxxxxxxxxx'", "  try: did you mean hub-or-switch?",
    ]  # fmt: skip
    assert shown(["pcap", "query"], 80, COLUMNS="32") == [
        "packetlab: a file and a", "    statement are needed", "  try: packetlab pcap query FILE", '    "SELECT ..."',
    ]  # fmt: skip


def test_what_click_says_is_wrapped_as_well() -> None:
    option = "--no-such-option-" + "at-all-" * 5
    said = shown(["ping", option, "a"], 60)
    assert said[0].startswith("Usage: packetlab ping") and said[-2:] == ["Error: No such option", f"    '{option}'."]


def test_a_line_that_is_quoted_stays_whole_so_that_the_mark_below_points_at_its_place() -> None:
    condition = "ip.src == 10.0.0.1 && " + "tcp.port == 80 && " * 4
    *_, quoted, mark = shown(["show", "none.pcap", "-Y", condition], 60)
    assert quoted.strip() == condition.strip() and mark.strip() == "^" and len(mark) > 60


@pytest.mark.parametrize("words", [["pcap", "query"], ["lab", "start", "x" * 90]])
def test_in_a_pipe_an_error_stays_one_line(words: list[str]) -> None:
    done = subprocess.run([*PACKETLAB, *words], capture_output=True, text=True, env=os.environ | {"COLUMNS": "30"})
    assert done.returncode == 2 and done.stderr.count("\n") == 2
