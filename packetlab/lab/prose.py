"""A lab's prose on a terminal: Markdown's paragraphs, lists, tables and code, fitted to the width at hand."""

import re
import textwrap
from collections.abc import Sequence

_EMPHASIS = re.compile(r"(?<![*\w])\*(\S(?:[^*]*[^\s*])?)\*(?![*\w])")
_BOLD = re.compile(r"\x1b\[[01]m")
_ITEM = re.compile(r"(\s*)([*-]|\d+\.)\s+")
_LATER = re.compile(r"(?!1\.)\d")
"""A number that cannot open a list within a paragraph: "... port\n5531. On a:" is none."""


_SHORT = 40
"""Characters of code in a sentence that stay together in a line: a command broken in two is hard to read."""
_HELD = "\0"
_RULE = re.compile(r":?-+:?")
"""What divides the head of a table from its rows; a colon at the end puts the column's cells to the right."""
_BAR = re.compile(r"(?<!\\)\|")
_GAP = "  "
_LEAST = 4
"""Columns of the terminal that a column of a table keeps, however little room there is."""


def prose(text: str, width: int = 80, *, colour: bool = False) -> str:
    """The text, wrapped, its tables drawn; code (indented or fenced) is as it is, its lines in `colour` as well.

    Code stands at the margin where one of the lines between two empty ones would not fit `width` otherwise.
    """
    lines: list[str] = []
    paragraph: list[str] = []
    code: list[str] = []
    table: list[str] = []
    fenced = False

    def flush() -> None:
        if paragraph:
            match = _ITEM.match(paragraph[0])
            rest = " " * match.end() if match else ""
            whole = " ".join([paragraph[0].rstrip(), *(line.strip() for line in paragraph[1:])])
            lines.extend(_wrapped(_plain(whole, colour), width, rest))
        lines.extend(_code(code, width, colour))
        lines.extend(_table(table, width, colour))
        paragraph.clear()
        code.clear()
        table.clear()

    for line in text.split("\n"):
        if line.startswith("```"):
            flush()
            fenced = not fenced
        elif fenced and line.strip():
            code.append("    " + line)
        elif not line.strip():
            flush()
            lines.append("")
        elif line.startswith(("    ", "|")) and not paragraph:
            (kind, other) = (table, code) if line[0] == "|" else (code, table)
            if other:
                flush()
            kind.append(line)
        else:
            item = _ITEM.match(line)
            if not paragraph or (item and (_ITEM.match(paragraph[0]) or not _LATER.match(item[2]))):
                flush()
            paragraph.append(line)
    flush()
    return "\n".join(lines).strip("\n")


def _code(block: Sequence[str], width: int, colour: bool) -> list[str]:
    fits = all(len(line) <= width for line in block)
    shown = [line if fits else line.removeprefix("    ") for line in block]
    return [f"\x1b[1;36m{line}\x1b[0m" for line in shown] if colour else shown


def _table(block: Sequence[str], width: int, colour: bool) -> list[str]:
    """A head, a rule and rows; what has no room goes on below in its own column, a little to the right."""
    split = [_BAR.split(line.rstrip().removesuffix("|"))[1:] for line in block]
    rows = [[_plain(cell.strip().replace("\\|", "|"), False) for cell in cells] for cells in split]
    if len(rows) < 2 or not all(_RULE.fullmatch(cell) for cell in rows[1]):
        return list(block)
    columns = len(rows[1])
    right = [cell.endswith(":") for cell in rows.pop(1)]
    rows = [(row + [""] * columns)[:columns] for row in rows]
    widths = _widths(rows, width - len(_GAP) * (columns - 1))
    lines = []
    for number, row in enumerate(rows):
        cells = [textwrap.wrap(cell, wide, subsequent_indent="  ", break_on_hyphens=False) or [""]
                 for cell, wide in zip(row, widths, strict=True)]  # fmt: skip
        for at in range(max(map(len, cells))):
            parts = [cell[at] if at < len(cell) else "" for cell in cells]
            line = _GAP.join(part.rjust(wide) if to_right else part.ljust(wide)
                             for part, wide, to_right in zip(parts, widths, right, strict=True)).rstrip()  # fmt: skip
            lines.append(f"\x1b[1m{line}\x1b[0m" if colour and not number else line)
        if not number:
            lines.append(_GAP.join("-" * wide for wide in widths))
    return lines


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Of each column: what its cells need, as long as there is room; then the widest give way, down to their words."""
    columns = list(zip(*rows, strict=True))
    widths = [max(1, *map(len, cells)) for cells in columns]
    words = [max((len(word) + 2 * (at > 0) for cell in cells for at, word in enumerate(cell.split())), default=1)
             for cells in columns]  # fmt: skip
    while sum(widths) > room:
        ready = [at for at, wide in enumerate(widths) if wide > words[at]] or \
            [at for at, wide in enumerate(widths) if wide > _LEAST]  # fmt: skip
        if not ready:
            break
        widths[max(ready, key=lambda at: widths[at])] -= 1
    return widths


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines of at most `width` visible characters; escapes for bold take no room, a longer word stays whole."""
    parts = text.split("`")
    parts[1::2] = [part.replace(" ", _HELD) if len(part) <= _SHORT else part for part in parts[1::2]]
    lines = [""]
    for word in re.findall(r"^\s*\S+|\S+", "`".join(parts)):
        joined = f"{lines[-1]} {word}" if lines[-1].strip() else lines[-1] + word
        if len(_BOLD.sub("", joined)) > width and lines[-1].strip():
            lines.append(indent + word)
        else:
            lines[-1] = joined
    return [line.replace(_HELD, " ") for line in lines]


def _plain(text: str, colour: bool) -> str:
    """Emphasis as bold on terminals, else left out; code keeps its backquotes and all that is in them."""
    parts = text.split("`")
    shown = "\x1b[1m\\1\x1b[0m" if colour else r"\1"
    for number in range(0, len(parts), 2):
        parts[number] = _EMPHASIS.sub(shown, re.sub(r"\*\*(.+?)\*\*", shown, parts[number]))
    return "`".join(parts)
