"""A lab's prose on a terminal: Markdown's paragraphs, lists and code, wrapped at the width at hand."""

import re

_EMPHASIS = re.compile(r"(?<![*\w])\*(\S(?:[^*]*[^\s*])?)\*(?![*\w])")
_BOLD = re.compile(r"\x1b\[[01]m")
_ITEM = re.compile(r"(\s*)([*-]|\d+\.)\s+")
_LATER = re.compile(r"(?!1\.)\d")
"""A number that cannot open a list within a paragraph: "... port\n5531. On a:" is none."""


def prose(text: str, width: int = 80, *, colour: bool = False) -> str:
    """The text, wrapped; code (indented or fenced) and tables as they are."""
    lines: list[str] = []
    paragraph: list[str] = []
    fenced = False

    def flush() -> None:
        if paragraph:
            match = _ITEM.match(paragraph[0])
            rest = " " * match.end() if match else ""
            whole = " ".join([paragraph[0].rstrip(), *(line.strip() for line in paragraph[1:])])
            lines.extend(_wrapped(_plain(whole, colour), width, rest))
            paragraph.clear()

    for line in text.split("\n"):
        if line.startswith("```"):
            flush()
            fenced = not fenced
        elif fenced:
            lines.append("    " + line)
        elif line.startswith(("    ", "|")) and not paragraph:
            lines.append(line)
        elif not line.strip():
            flush()
            lines.append("")
        else:
            item = _ITEM.match(line)
            if item and (not paragraph or _ITEM.match(paragraph[0]) or not _LATER.match(item[2])):
                flush()
            paragraph.append(line)
    flush()
    return "\n".join(lines).strip("\n")


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines of at most `width` visible characters; escapes for bold take no room, a longer word stays whole."""
    lines = [""]
    for word in re.findall(r"^\s*\S+|\S+", text):
        joined = f"{lines[-1]} {word}" if lines[-1].strip() else lines[-1] + word
        if len(_BOLD.sub("", joined)) > width and lines[-1].strip():
            lines.append(indent + word)
        else:
            lines[-1] = joined
    return lines


def _plain(text: str, colour: bool) -> str:
    """Emphasis as bold on terminals, else left out; code keeps its backquotes and all that is in them."""
    parts = text.split("`")
    shown = "\x1b[1m\\1\x1b[0m" if colour else r"\1"
    for number in range(0, len(parts), 2):
        parts[number] = _EMPHASIS.sub(shown, re.sub(r"\*\*(.+?)\*\*", shown, parts[number]))
    return "`".join(parts)
