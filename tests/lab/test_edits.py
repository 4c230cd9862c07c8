"""Mistakes as edits of a solution: what is not named stays, and what cannot be found is said with its line."""

import pytest

from packetlab.lab.edits import edited
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
    ("- def one(x):\n-     return x\n+ a\n\n-     return x\n- \n- \n- def two(x):\n+ b\n", "another block", 5),
])  # fmt: skip
def test_what_cannot_be_done_names_file_and_line(edit: str, said: str, line: int) -> None:
    with pytest.raises(UsageError, match=f"^here, line {line}: .*{said}"):
        edited(SOLUTION, edit, "here")
