"""Mistakes that are the reference solution but for some lines, written as those lines.

    # gets: words that the verdict must contain
    - line of the solution
    - and the next
    + what stands there instead

Blocks are divided by an empty line. The lines behind "- " stand in the solution together and once; each block has at
least one. What is not named stays, so that a mistake shows what is wrong and nothing else, and cannot grow apart
from its solution.
"""

import difflib
from collections.abc import Iterator

from packetlab.model.errors import UsageError

Block = tuple[list[str], list[str], int]
"""The lines to be found, those to be put in their place, and the number of the first line of the block."""


def edited(solution: str, edit: str, where: str) -> str:
    """The solution with an edit made; UsageError with file, line and remedy where that cannot be."""
    lines = solution.splitlines()
    changes: list[tuple[int, int, list[str]]] = []
    for old, new, number in _blocks(edit, where):
        if not old:
            raise UsageError(f"{where}, line {number}: this block names no line of the solution",
                             remedy="begin it with a line that stays: - line, + line")  # fmt: skip
        places = [at for at in range(len(lines)) if lines[at : at + len(old)] == old]
        if len(places) != 1:
            what = "are not in the solution" if not places else f"are there {len(places)} times"
            raise UsageError(f"{where}, line {number}: these lines {what}",
                             remedy="name neighbours, too, with all their blanks" if places else
                             "copy them from the solution, with all their blanks")  # fmt: skip
        changes.append((places[0], places[0] + len(old), new))
    for start, end, new in sorted(changes, reverse=True):
        lines[start:end] = new
    return "\n".join(lines) + "\n"


def _blocks(edit: str, where: str) -> Iterator[Block]:
    old: list[str] = []
    new: list[str] = []
    first = 0
    for number, line in enumerate([*edit.splitlines(), ""], 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if old or new:
                yield old, new, first
            old, new, first = [], [], 0
            continue
        first = first or number
        if line[:2] not in ("- ", "-", "+ ", "+") or (line[0] == "-" and new):
            remedy = 'first lines with "- ", then lines with "+ "; an empty line between blocks'
            raise UsageError(f"{where}, line {number}: {line!r} is no line of an edit", remedy=remedy)
        (old if line[0] == "-" else new).append(line[2:])


def edit_of(solution: str, other: str, gets: str) -> str:
    """The edit that makes `other` of the solution, for `lab new` and for authors."""
    before, after = solution.splitlines(), other.splitlines()
    blocks = [list(each[1:]) for each in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
              if each[0] != "equal"]  # fmt: skip
    at = 0
    while at < len(blocks):
        start, end, new_start, new_end = blocks[at]
        if _is_unique(before, start, end):
            at += 1
        elif at and blocks[at - 1][1] == start:  # no line between the two: they are one
            blocks[at - 1 : at + 1] = [[blocks[at - 1][0], end, blocks[at - 1][2], new_end]]
            at -= 1
        elif start:
            blocks[at] = [start - 1, end, new_start - 1, new_end]
        elif at + 1 < len(blocks) and blocks[at + 1][0] == end:
            blocks[at : at + 2] = [[start, blocks[at + 1][1], new_start, blocks[at + 1][3]]]
        else:
            blocks[at] = [start, end + 1, new_start, new_end + 1]
    text = [f"# gets: {gets}"]
    for start, end, new_start, new_end in blocks:
        text += [*(f"- {line}".rstrip() for line in before[start:end]), *(
            f"+ {line}".rstrip() for line in after[new_start:new_end]), ""]  # fmt: skip
    return "\n".join(text)


def _is_unique(lines: list[str], start: int, end: int) -> bool:
    wanted = lines[start:end]
    return bool(wanted) and sum(lines[at : at + len(wanted)] == wanted for at in range(len(lines))) == 1
