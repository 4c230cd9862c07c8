"""A plot drawn in characters: axes with round numbers, and dots, marks or bars between them.

One series is drawn in braille (2 x 4 dots in a cell), bars in eighths of a block; several series get a mark
each, because a pipe has no colours to tell them apart. Where only ASCII can be written, everything is marks.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from packetlab.show.block import Block, Piece
from packetlab.show.plots import Series, bar_width, thinned
from packetlab.show.safe import cells, fit, safe_text

MARKS, ASCII_MARKS = "•×+o*#", "*x+o%#"
STYLES = ("layer0", "layer3", "layer1", "layer2", "layer4", "bad")
EIGHTHS = " ▁▂▃▄▅▆▇█"
BRAILLE = np.asarray([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def draw(
    series: Sequence[Series], title: str, x_label: str, y_label: str, width: int, height: int, ascii_only: bool
) -> Block:
    """The whole plot, `width` columns wide, with `height` lines between the axes."""
    made = Block(width)
    made.wrapped((title, "head"))
    data = [thinned(one, 2 * width) for one in series]
    if not any(len(x) for x, _ in data):
        made.line(("nothing to plot", "note"))
        return made
    made.wrapped(*_legend(series, y_label, ascii_only))
    bottom, top = _span([y for _, y in data], zero=True)
    y_ticks = ticks(bottom, top, height // 3)
    bottom, top = min(bottom, y_ticks[0]), max(top, y_ticks[-1])
    names = [number_text(tick, y_ticks) for tick in y_ticks]
    margin = max(map(len, names))
    wide = width - margin - 2
    left, right = _span([np.append(x, x.max() + bar_width(x)) if one.style == "bars" and len(x) else x
                         for one, (x, _) in zip(series, data, strict=True)], zero=False)  # fmt: skip
    canvas = _Canvas(wide, height, (left, right), (bottom, top), ascii_only)
    for index, (one, (x, y)) in enumerate(zip(series, data, strict=True)):
        canvas.add(x, y, one.style, index if len(series) > 1 else None)
    rows = {height - 1 - round((tick - bottom) / (top - bottom) * (height - 1)): name
            for tick, name in zip(y_ticks, names, strict=True)}  # fmt: skip
    for row in range(height):
        edge = "┤" if row in rows else "│"
        made.line(
            (rows.get(row, "").rjust(margin) + " ", "note"), ("|" if ascii_only else edge, "note"), *canvas.line(row)
        )
    _x_axis(made, left, right, margin, wide, x_label, ascii_only)
    return made


def _legend(series: Sequence[Series], y_label: str, ascii_only: bool) -> list[Piece]:
    pieces: list[Piece] = [(y_label, "note")]
    if len(series) > 1:
        marks = ASCII_MARKS if ascii_only else MARKS
        for index, one in enumerate(series):
            pieces += [("   ", ""), (f"{marks[index % len(marks)]} {one.name}", STYLES[index % len(STYLES)])]
    return pieces


def _x_axis(made: Block, left: float, right: float, margin: int, wide: int, label: str, ascii_only: bool) -> None:
    line, below = ["-" if ascii_only else "─"] * wide, [" "] * (wide + 8)
    x_ticks = ticks(left, right, wide // 12)
    for tick in x_ticks:
        place = round((tick - left) / (right - left) * (wide - 1))
        if not 0 <= place < wide:
            continue
        line[place] = "+" if ascii_only else "┬"
        text = number_text(tick, x_ticks)
        begin = max(0, min(place - len(text) // 2, wide - len(text)))
        if all(cell == " " for cell in below[max(0, begin - 1) : begin + len(text) + 1]):
            below[begin : begin + len(text)] = text
    corner = "+" if ascii_only else "└"
    made.line((" " * (margin + 1) + corner + "".join(line), "note"))
    made.line((" " * (margin + 2) + "".join(below).rstrip(), "note"))
    name = safe_text(label)
    made.line((" " * (margin + 2) + fit(name, wide) if cells(name) > wide
               else " " * (margin + 2 + (wide - cells(name)) // 2) + name, "note"))  # fmt: skip


def _span(values: list[Any], *, zero: bool) -> tuple[float, float]:
    some = [one for one in values if len(one)]
    low, high = min(float(one.min()) for one in some), max(float(one.max()) for one in some)
    if zero and low > 0:
        low = 0.0
    if not high > low:
        high = low + (abs(low) * 0.01 or 1.0)
    return low, high


def ticks(low: float, high: float, most: int) -> list[float]:
    """About `most` round numbers (1, 2 or 5 times a power of ten apart) from `low`, or just below, to `high`."""
    rough = (high - low) / max(2, most)
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next((power * factor for factor in (1, 2, 5) if power * factor >= rough), power * 10)
    first = math.floor(low / step + 1e-9)
    made = []
    for count in range(3 * max(2, most) + 2):
        value = (first + count) * step
        made.append(value)
        if value >= high - step * 1e-9:
            break
    return made if len(set(made)) > 1 else [low, high]


def number_text(value: float, all_ticks: Sequence[float]) -> str:
    """A tick's number, short, with no more places than tell it from its neighbours: 1.5M, 0.002, 40."""
    largest = max(map(abs, all_ticks))
    step = abs(all_ticks[1] - all_ticks[0]) if len(all_ticks) > 1 else largest
    factor, suffix = next(((factor, suffix) for factor, suffix in _PREFIXES if largest >= factor * 10), (1.0, ""))
    places = max(0, -math.floor(math.log10(step / factor) + 1e-9)) if step > 0 else 0
    if places > 6 or largest >= 1e16:
        return f"{value:.6g}" if step < largest * 1e-3 else f"{value:.2g}"
    text = f"{value / factor:.{places}f}"
    return ("0" if float(text) == 0 else text) + (suffix if value else "")


class _Canvas:
    """Cells between the axes."""

    def __init__(self, wide: int, high: int, x: tuple[float, float], y: tuple[float, float], ascii_only: bool) -> None:
        self.wide, self.high, self.x, self.y, self.ascii = wide, high, x, y, ascii_only
        self.cells: list[list[Piece]] = [[(" ", "")] * wide for _ in range(high)]

    def add(self, x: Any, y: Any, style: str, mark: int | None) -> None:
        """Draw a series; mark: its number if it shares the plot with others."""
        if style == "bars" and mark is None:
            self._bars(x, y)
            return
        fine = mark is None and not self.ascii
        across, down = (2, 4) if fine else (1, 1)
        column = self._scaled(x, self.x, self.wide * across)
        row = self.high * down - 1 - self._scaled(y, self.y, self.high * down)
        if style in ("line", "steps") and len(x) > 1:
            column, row = _joined(column, row, steps=style == "steps")
        if fine:
            dots = np.zeros((self.high, self.wide), np.int64)
            np.bitwise_or.at(dots, (row // 4, column // 2), BRAILLE[row % 4, column % 2])
            for at in zip(*(part.tolist() for part in np.nonzero(dots)), strict=True):
                self.cells[at[0]][at[1]] = (chr(0x2800 + int(dots[at])), STYLES[0])
            return
        index = mark or 0
        piece = ((ASCII_MARKS if self.ascii else MARKS)[index % len(MARKS)], STYLES[index % len(STYLES)])
        for r, c in set(zip(row.tolist(), column.tolist(), strict=True)):
            self.cells[r][c] = piece

    @staticmethod
    def _scaled(values: Any, span: tuple[float, float], size: int) -> Any:
        low, high = span
        # Halved first: the difference of two large numbers may be no number any more.
        part = (values / 2 - low / 2) / (high / 2 - low / 2)
        return np.clip(np.rint(part * (size - 1)), 0, size - 1).astype(np.int64)

    def _bars(self, x: Any, y: Any) -> None:
        """The highest value of each column, in eighths of a cell."""
        heights = np.zeros(self.wide)
        low, high = self.x
        scale = self.wide / (high - low)
        begins = np.floor((x - low) * scale + 1e-6).astype(np.int64)
        ends = np.maximum(np.floor((x + bar_width(x) - low) * scale + 1e-6).astype(np.int64), begins + 1)
        share = np.clip((y - self.y[0]) / (self.y[1] - self.y[0]), 0, 1)
        for offset in range(min(int((ends - begins).max()), self.wide)):
            inside = (begins + offset < ends) & (begins + offset < self.wide)
            np.maximum.at(heights, begins[inside] + offset, share[inside])
        for column, height in enumerate(heights.tolist()):
            eighths = max(round(height * self.high * 8), 1 if height > 0 else 0)
            for row in range(self.high):
                filled = min(8, eighths - 8 * (self.high - 1 - row))
                if filled > 0:
                    self.cells[row][column] = ("#" if self.ascii else EIGHTHS[filled], STYLES[0])

    def line(self, row: int) -> list[Piece]:
        """One line of cells, neighbours of one style joined."""
        made: list[Piece] = []
        for text, style in self.cells[row]:
            if made and (made[-1][1] == style or text == " "):
                made[-1] = (made[-1][0] + text, made[-1][1])
            else:
                made.append((text, style))
        return made


def _joined(column: Any, row: Any, *, steps: bool) -> tuple[Any, Any]:
    """All dots on the way from each point to the next."""
    if steps:
        column, row = np.repeat(column, 2)[1:], np.repeat(row, 2)[:-1]
    columns, rows = [], []
    for index in range(len(column) - 1):
        count = int(max(abs(column[index + 1] - column[index]), abs(row[index + 1] - row[index]), 1)) + 1
        columns.append(np.rint(np.linspace(column[index], column[index + 1], count)))
        rows.append(np.rint(np.linspace(row[index], row[index + 1], count)))
    return np.concatenate(columns).astype(np.int64), np.concatenate(rows).astype(np.int64)
