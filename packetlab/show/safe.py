"""The one gate through which everything that is shown goes: bytes from the wire never control a screen.

A payload may hold terminal escapes, rich markup, HTML, or characters that turn the reading direction round.
`safe_text` spells every character that is not plainly visible (`\\x1b`, `\\u202e`), so that it is seen and not
obeyed; for rich markup and HTML it also escapes what those languages would read as their own.
"""

import re
import unicodedata
from typing import Final, Literal

Target = Literal["terminal", "markup", "html"]

MOST_MARKS = 2
"""Combining marks kept on one letter; a tower of them would cover the lines around it."""

_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
_PLAIN = re.compile(r"[ -~]*")
_TAG = re.compile(r"\[(?=[a-zA-Z/@#])")
_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def spelled(character: str) -> str:
    """One character as an escape that everybody can read."""
    short = _SHORT.get(character)
    if short:
        return short
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def safe_text(value: bytes | str, target: Target = "terminal", *, limit: int | None = None) -> str:
    """`value` as text that is safe to show on `target`.

    Bytes are read as UTF-8, the rest as `\\xff`. Control and format characters (escapes, line ends, bidi
    overrides, invisible ones) are spelled out. With `limit` the text ends after that many characters with
    an ellipsis. "markup" is for places where rich reads [tags], "html" for pages.
    """
    if limit is not None:
        value = value[: limit * 4 + 4]
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes | bytearray) else value
    if not _PLAIN.fullmatch(text):
        text = _visible(text)
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    if target == "html":
        return text.translate(_HTML)
    if target == "markup":
        # A backslash in front of a bracket would undo the escape that rich reads there.
        return _TAG.sub(r"\\[", text.replace("\\", "\\\\") if "[" in text else text)
    return text


def _visible(text: str) -> str:
    made: list[str] = []
    marks = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me", "Mc"):
            marks += 1
            made.append(character if marks <= MOST_MARKS and len(made) >= marks else spelled(character))
            continue
        marks = 0
        made.append(character if character.isprintable() else spelled(character))
    return "".join(made)


def cells(text: str) -> int:
    """Columns that the text takes in a terminal: wide characters two, marks none."""
    if text.isascii():
        return len(text)
    total = 0
    for character in text:
        if unicodedata.combining(character):
            continue
        total += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return total


def fit(text: str, width: int) -> str:
    """The text padded with spaces, or cut with an ellipsis, to exactly `width` columns."""
    size = cells(text)
    if size <= width:
        return text + " " * (width - size)
    while cells(text) > width - 1:
        text = text[:-1]
    text += "…"
    return text + " " * (width - cells(text))
