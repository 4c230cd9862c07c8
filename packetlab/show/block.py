"""What every view is made of: lines of styled pieces, which become plain text, a rich renderable or HTML.

A view is built once, as a `Block`; colour is added only at the end, so that a pipe, a terminal and a notebook
show the same. Every piece goes through `safe_text`. A `View` builds its block for the width at hand.
A terminal's colours are written here directly, because importing rich costs more than most commands; rich is
imported only where a caller prints a view through it.
"""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Final

from packetlab.show.safe import cells, safe_text

DEFAULT_WIDTH = 80
NARROWEST = 40

Piece = tuple[str, str]
"""A text and the name of its style."""

# style name: (rich style, CSS, SGR codes of a terminal)
STYLES: Final[dict[str, tuple[str, str, str]]] = {
    "": ("", "", ""),
    "layer0": ("bold cyan", "color:#0077aa;font-weight:bold", "1;36"),
    "layer1": ("bold green", "color:#2e7d32;font-weight:bold", "1;32"),
    "layer2": ("bold yellow", "color:#9a6700;font-weight:bold", "1;33"),
    "layer3": ("bold magenta", "color:#8e24aa;font-weight:bold", "1;35"),
    "layer4": ("bold blue", "color:#1e50c8;font-weight:bold", "1;34"),
    "layer5": ("bold bright_red", "color:#b5452c;font-weight:bold", "1;91"),
    "payload": ("", "", ""),
    "head": ("bold", "font-weight:bold", "1"),
    "name": ("cyan", "color:#0077aa", "36"),
    "value": ("bold", "font-weight:bold", "1"),
    "meaning": ("green", "color:#2e7d32", "32"),
    "note": ("dim", "color:#777", "2"),
    "auto": ("blue", "color:#1e50c8", "34"),
    "good": ("green", "color:#2e7d32", "32"),
    "bad": ("bold red", "color:#c62828;font-weight:bold", "1;31"),
}
LAYER_COLOURS = 6

_WORDS = re.compile(r" *[^ ]+ *| +")
# For terminals whose encoding has no such characters.
_ASCII: Final = str.maketrans({
    "→": ">", "←": "<", "✓": "+", "✗": "!", "─": "-", "│": "|", "┌": "+", "└": "+", "├": "+", "…": "~", "·": ".",
    "▶": ">", "◀": "<", "╱": "/", "━": "=", "×": "x",
})  # fmt: skip


def layer_style(index: int) -> str:
    """The style of the layer with that number."""
    return f"layer{index % LAYER_COLOURS}"


class Block:
    """Lines of styled pieces."""

    def __init__(self, width: int = DEFAULT_WIDTH) -> None:
        self.width = max(width, NARROWEST)
        self.lines: list[list[Piece]] = []

    def line(self, *pieces: Piece) -> None:
        """One line, as it is; what does not fit the width is the caller's affair."""
        self.lines.append([(safe_text(text), style) for text, style in pieces])

    def wrapped(self, *pieces: Piece, hang: int = 0) -> None:
        """Pieces broken between words into lines of the block's width; later lines are indented by `hang`."""
        line: list[Piece] = []
        used = 0
        for raw, style in pieces:
            for word in _WORDS.findall(safe_text(raw)):
                size = cells(word.rstrip(" "))
                if used + size > self.width and used > hang:
                    self._close(line)
                    line, used, word = [(" " * hang, "")], hang, word.lstrip(" ")
                while used + cells(word.rstrip(" ")) > self.width:
                    room = self.width - used
                    line.append((word[:room], style))
                    self._close(line)
                    word = word[room:]
                    line, used = [(" " * hang, "")], hang
                if line and line[-1][1] == style:
                    line[-1] = (line[-1][0] + word, style)
                else:
                    line.append((word, style))
                used += cells(word)
        self._close(line)

    def _close(self, line: list[Piece]) -> None:
        if line:
            text, style = line[-1]
            line[-1] = (text.rstrip(" "), style)
        self.lines.append(line)

    def extend(self, other: "Block", indent: int = 0) -> None:
        """The lines of another block behind these."""
        for line in other.lines:
            self.lines.append([(" " * indent, ""), *line] if indent else line)

    def __str__(self) -> str:
        return "\n".join("".join(text for text, _ in line).rstrip(" ") for line in self.lines)

    def __rich__(self) -> Any:
        from rich.text import Text

        made = Text(no_wrap=True, overflow="ignore")
        for number, line in enumerate(self.lines):
            if number:
                made.append("\n")
            for text, style in line:
                made.append(text, STYLES[style][0])
        return made

    def ansi(self) -> str:
        """The lines with a terminal's colours: the only escapes that are ever written."""
        return "\n".join(
            "".join(_sgr(text, STYLES[style][2]) for text, style in line).rstrip(" ") for line in self.lines
        )

    def html(self) -> str:
        """A `pre` element; every byte from outside is escaped, and keeps its reading direction to itself."""
        lines = ["".join(_span(text, style) for text, style in line) for line in self.lines]
        return '<pre class="packetlab" dir="ltr" style="line-height:1.25">' + "\n".join(lines) + "</pre>"

    def _repr_html_(self) -> str:
        return self.html()


def _sgr(text: str, codes: str) -> str:
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def _span(text: str, style: str) -> str:
    css = STYLES[style][1]
    inside = safe_text(text, "html")
    if text.isascii():
        return f'<span style="{css}">{inside}</span>' if css else inside
    return f'<span style="unicode-bidi:isolate;{css}">{inside}</span>'


class View:
    """Something that can be shown anywhere: `str()` at 80 columns, rich, notebook HTML."""

    def __init__(self, make: Callable[[int], Block]) -> None:
        self._make = make

    def block(self, width: int = DEFAULT_WIDTH) -> Block:
        """The lines for that width."""
        return self._make(width)

    def __str__(self) -> str:
        return str(self.block())

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        yield self.block(options.max_width).__rich__()

    def _repr_html_(self) -> str:
        return self.block(100).html()


def blank() -> View:
    """An empty line."""

    def make(width: int) -> Block:
        made = Block(width)
        made.line()
        return made

    return View(make)


def text_view(*pieces: Piece, hang: int = 0) -> View:
    """A paragraph of styled pieces, wrapped to the width."""

    def make(width: int) -> Block:
        made = Block(width)
        made.wrapped(*pieces, hang=hang)
        return made

    return View(make)


def stacked(views: Iterable[View | Block]) -> View:
    """Views one under the other."""
    parts = list(views)

    def make(width: int) -> Block:
        made = Block(width)
        for part in parts:
            made.extend(part if isinstance(part, Block) else part.block(width))
        return made

    return View(make)


def wants_colour(file: IO[str]) -> bool:
    """A terminal that was not asked to go without (https://no-color.org), or one that was forced."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return file.isatty() and os.environ.get("TERM", "") != "dumb"


def width_of(file: IO[str]) -> int:
    """Columns of the terminal (at most 120: longer lines are hard to read), 80 in a pipe."""
    if not file.isatty():
        return DEFAULT_WIDTH
    return max(NARROWEST, min(shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns, 120))


def print_to_terminal(*views: View | Block, file: IO[str] | None = None) -> None:
    """Shows views on standard output (or `file`): in colour on a terminal, plain in a pipe."""
    out = file if file is not None else sys.stdout
    width = width_of(out)
    colour = wants_colour(out)
    encoding = (getattr(out, "encoding", None) or "utf-8").lower().replace("-", "")
    for view in views:
        block = view if isinstance(view, Block) else view.block(width)
        text = block.ansi() if colour else str(block)
        if not encoding.startswith("utf"):
            text = text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
        out.write(text + "\n")
    out.flush()
