"""Mistakes as edits of a solution: what is not named stays, and what cannot be found is said with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packetlab.lab.edits import edit_of, edited
from packetlab.model.errors import UsageError

SOLUTION = "def one(x):\n    return x\n\n\ndef two(x):\n    return x\n"


def test_the_named_lines_change_and_all_others_stay() -> None:
    edit = "# gets: a\n- def two(x):\n-     return x\n+ def two(x):\n+     return x + 1\n\n- def one(x):\n+ def one(y):"
    assert edited(SOLUTION, edit, "here") == "def one(y):\n    return x\n\n\ndef two(x):\n    return x + 1\n"


@pytest.mark.parametrize(("edit", "said", "line"), [
    ("# gets: a\n-     return x\n+     return y\n", "are there 2 times", 2),
    ("- return x\n+ return y\n", "are not in the solution", 1),
    ("+ new\n", "names no line", 1),
    ("- def one(x):\n+ a\n- b\n", "is no line of an edit", 3),
    ("\n\nnonsense\n", "is no line of an edit", 3),
])  # fmt: skip
def test_what_cannot_be_done_names_file_and_line(edit: str, said: str, line: int) -> None:
    with pytest.raises(UsageError, match=f"^here, line {line}: .*{said}"):
        edited(SOLUTION, edit, "here")


LINES = st.lists(st.sampled_from(["a", "b", "    c", "", "d e"]), min_size=1, max_size=12)


@given(LINES, LINES)
def test_the_edit_between_two_programs_makes_one_of_the_other(before: list[str], after: list[str]) -> None:
    solution, other = "\n".join(before) + "\n", "\n".join(after) + "\n"
    if solution != other:
        assert edited(solution, edit_of(solution, other, "words"), "here") == other
