"""A lab's prose on a terminal: paragraphs, lists, code and emphasis, wrapped by what is seen."""

import re

import pytest

from packetlab.lab.prose import prose


@pytest.mark.parametrize(("text", "shown"), [
    ("a **bold** and an *emphasised* word", "a bold and an emphasised word"),
    ("`a ** b` and `*args`, 2 * 3 * 4", "`a ** b` and `*args`, 2 * 3 * 4"),
    ("from port\n5531. On the other side", "from port 5531. On the other side"),
    ("Two:\n1. one\n2. two", "Two:\n1. one\n2. two"),
    ("* one\n  more\n* two", "* one more\n* two"),
    ("words\n\n    code   stays\n\nwords", "words\n\n    code   stays\n\nwords"),
    ("| a | b |\n|---|---|", "| a | b |\n|---|---|"),
])  # fmt: skip
def test_it_reads_as_it_is_meant(text: str, shown: str) -> None:
    assert prose(text, 40) == shown


def test_colour_changes_nothing_of_where_lines_end() -> None:
    text = "Machines **alpha** and **beta** are plugged into a **switch**, and so is *gamma*, the third of them all."
    plain, bold = prose(text, 30), prose(text, 30, colour=True)
    assert "\x1b[1malpha\x1b[0m" in bold
    assert re.sub(r"\x1b\[\dm", "", bold) == plain
    assert max(map(len, plain.split("\n"))) <= 30 and plain.count("\n") >= 3
