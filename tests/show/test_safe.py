"""Bytes from the wire are shown and never obeyed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packetlab.show.block import Block, text_view
from packetlab.show.safe import cells, fit, safe_text
from tests.show.packets import HOSTILE

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def test_control_characters_and_escapes_are_spelled_out() -> None:
    assert safe_text(b"\x1b[31mred\r\n\x00") == "\\x1b[31mred\\r\\n\\0"
    assert safe_text("\x9b31m") == "\\x9b31m"


def test_characters_that_turn_the_reading_direction_are_spelled_out() -> None:
    assert safe_text("a‮b⁦") == "a\\u202eb\\u2066"


def test_rich_markup_is_shown_as_text() -> None:
    from rich.text import Text

    for hostile in ("[red]x[/red]", "\\[red]x", "[link=http://evil]x[/link]", "[@click=f]x", "\\\\[/]"):
        assert Text.from_markup(safe_text(hostile, "markup")).plain.replace("\\", "") == hostile.replace("\\", "")
        assert not Text.from_markup(safe_text(hostile, "markup")).spans


def test_html_is_escaped() -> None:
    assert safe_text("<b onclick='x'>&\"", "html") == "&lt;b onclick=&#39;x&#39;&gt;&amp;&quot;"


def test_a_tower_of_marks_is_spelled_out_behind_the_second() -> None:
    assert safe_text("e" + "\u0301" * 5) == "e\u0301\u0301" + "\\u0301" * 3


def test_a_limit_ends_in_an_ellipsis() -> None:
    assert safe_text(b"x" * 10_000_000, limit=5) == "xxxx…"


@given(st.one_of(st.binary(), st.text()))
def test_nothing_that_controls_a_screen_comes_through(value: bytes | str) -> None:
    for target in ("terminal", "markup", "html"):
        assert not CONTROL.search(safe_text(value, target))  # type: ignore[arg-type]
    assert "<" not in safe_text(value, "html")


@given(st.text(), st.integers(1, 30))
def test_text_is_fitted_to_columns(value: str, width: int) -> None:
    assert cells(fit(safe_text(value), width)) == width


@pytest.mark.parametrize("width", [40, 80, 100])
def test_a_block_is_never_wider_than_its_width_and_never_controls_a_terminal(width: int) -> None:
    block = Block(width)
    block.wrapped(("name ", "name"), (HOSTILE.decode("utf-8", "replace") * 3, "value"), hang=4)
    assert all(cells(line) <= width for line in str(block).splitlines())
    assert not CONTROL.search(str(block).replace("\n", ""))
    assert "<script>" not in block.html() and "&lt;script&gt;" in block.html()
    only_ours = re.sub(r"\x1b\[[0-9;]+m", "", block.ansi())
    assert not CONTROL.search(only_ours.replace("\n", ""))


def test_a_view_prints_through_rich_without_reading_markup() -> None:
    import io

    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=80).print(text_view(("[red]x[/red] [bold]", "value")))
    assert "[red]x[/red] [bold]" in out.getvalue()
