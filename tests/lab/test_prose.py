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
    ("```\n| no table\n\n|---\n```", "    | no table\n\n    |---"),
    ("| no table |\n| either |", "| no table |\n| either |"),
])  # fmt: skip
def test_it_reads_as_it_is_meant(text: str, shown: str) -> None:
    assert prose(text, 40) == shown


def test_a_command_in_a_sentence_is_not_broken_unless_it_is_long() -> None:
    text = "Passed: `packetlab lab stop` ends the lab, and (`packetlab lab start arp`) is next."
    assert prose(text, 36).split("\n") == [
        "Passed: `packetlab lab stop` ends", "the lab, and", "(`packetlab lab start arp`) is next.",
    ]  # fmt: skip
    long = prose(f"Try `packetlab {'word ' * 20}` then", 40).split("\n")
    assert max(map(len, long)) <= 40 and long[0].startswith("Try `packetlab word")


def test_colour_changes_nothing_of_where_lines_end() -> None:
    text = "Machines **alpha** and **beta** are plugged into a **switch**, and so is *gamma*, the third of them all."
    plain, bold = prose(text, 30), prose(text, 30, colour=True)
    assert "\x1b[1malpha\x1b[0m" in bold
    assert re.sub(r"\x1b\[\dm", "", bold) == plain
    assert max(map(len, plain.split("\n"))) <= 30 and plain.count("\n") >= 3


def test_a_table_is_drawn_in_columns_without_bars_or_marks_of_emphasis() -> None:
    text = "See:\n\n| name | *what* |\n|---|--:|\n| a | is **one** |\n|   | two |\n| `x \\| y` |\n\nand"
    wanted = ["name       what", "-------  ------", "a        is one", "            two", "`x | y`"]
    assert prose(text, 40).split("\n") == ["See:", "", *wanted, "", "and"]


def test_where_a_table_has_no_room_its_widest_cells_go_on_below_in_their_column() -> None:
    text = "| name | what it is |\n|---|---|\n| fe80::/10 | good on one link and on no other one |\n| | all |"
    assert prose(text, 30).split("\n") == [
        "name       what it is",
        "---------  -------------------",
        "fe80::/10  good on one link",
        "             and on no other",
        "             one",
        "           all",
    ]
    assert max(map(len, prose(text, 12).split("\n"))) <= 12, "even words are broken then"


def test_the_head_of_a_table_and_code_have_a_look_of_their_own_in_colour() -> None:
    text = "| a |\n|---|\n| b |\n\n    $ code"
    assert prose(text, 40, colour=True) == "\x1b[1ma\x1b[0m\n-\nb\n\n\x1b[1;36m    $ code\x1b[0m"


def test_code_that_would_not_fit_stands_at_the_margin_with_all_of_its_block() -> None:
    wide = "packetlab " + "x" * 65
    shown = prose(f"Do:\n\n    exit\n      {wide}\n\nand\n\n    exit", 77)
    assert shown == f"Do:\n\nexit\n  {wide}\n\nand\n\n    exit"
    assert prose(f"    {wide[:70]}", 76) == f"    {wide[:70]}"
