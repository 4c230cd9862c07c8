"""Mistakes that are the reference solution but for some lines, written as those lines.

    # gets: words that the verdict must contain
    - line of the solution
    - and the next
    + what stands there instead

Blocks are divided by an empty line. The lines behind "- " stand in the solution together and once; each block has at
least one. What is not named stays, so that a mistake shows what is wrong and nothing else, and cannot grow apart
from its solution.
"""

from collections.abc import Iterator

from packetlab.model.errors import UsageError

Block = tuple[list[str], list[str], int]
"""The lines to be found, those to be put in their place, and the number of the first line of the block."""


def edited(solution: str, edit: str, where: str) -> str:
    """The solution with an edit made; UsageError with file, line and remedy where that cannot be."""
    lines = solution.splitlines()
    changes: dict[int, tuple[int, list[str]]] = {}
    taken: set[int] = set()
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
        start, end = places[0], places[0] + len(old)
        if not taken.isdisjoint(range(start, end)):
            raise UsageError(f"{where}, line {number}: another block changes some of these lines, too",
                             remedy="make one block of the two")  # fmt: skip
        taken.update(range(start, end))
        changes[start] = end, new
    for start, (end, new) in sorted(changes.items(), reverse=True):
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
