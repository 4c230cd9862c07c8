"""Curves and bars, in a terminal or as a picture in a file.

In a terminal a plot is a `View` like all others: drawn by ourselves in the width at hand, in braille dots (one
series), eighths of blocks (bars) or a mark per series (several), and in plain ASCII where the terminal's
encoding has nothing else. Files (.svg, .png) are drawn by matplotlib, which is imported only then. Both show at
most a few points per column: of many, the first, the lowest, the highest and the last, so that no peak is lost
and the cost does not grow with what is drawn. Values that are no finite numbers are left out.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from packetlab.model.errors import PacketLabError, UsageError
from packetlab.show.block import Block, View
from packetlab.show.safe import safe_text

if TYPE_CHECKING:
    import numpy as np

Style = Literal["line", "points", "bars", "steps"]

HEIGHT = 16
FILE_TYPES = (".svg", ".png")
_FILE_COLUMNS = 2000
_LARGEST = 1e300  # so that differences stay numbers


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn in one colour. `x` and `y` are of equal length; x need not be sorted for points."""

    name: str
    x: "Sequence[float] | np.ndarray[Any, Any]"
    y: "Sequence[float] | np.ndarray[Any, Any]"
    style: Style = "line"
    """steps: a value holds until the next one; bars: from 0 up, one per x."""


def plot_terminal(
    series: Sequence[Series], title: str, x_label: str, y_label: str, *, height: int = HEIGHT, ascii_only: bool = False
) -> View:
    """A plot as a view: `str()` of it is 80 columns of plain text; `print_to_terminal` adds colour and width.

    Without `ascii_only`, ASCII is used where standard output cannot write anything else.
    """
    from packetlab.show.canvas import draw

    def make(width: int) -> Block:
        encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
        return draw(series, title, x_label, y_label, width, height, ascii_only or not encoding.startswith("utf"))

    return View(make)


def plot_file(path: str | Path, series: Sequence[Series], title: str, x_label: str, y_label: str) -> None:
    """The same plot as a picture, 900 x 450 points; the same data give the same bytes.

    UsageError where the name ends neither in .svg nor in .png; PacketLabError where matplotlib is missing.
    """
    path = Path(path)
    if path.suffix.lower() not in FILE_TYPES:
        raise UsageError(f"{path.name!r} is no picture that can be drawn", remedy="end the name in .svg or .png")
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import EngFormatter
    except ImportError:
        raise PacketLabError(
            "pictures are drawn by matplotlib, which is not installed",
            remedy="pip install 'packetlab[plot]', or leave -o out to plot in the terminal",
        ) from None
    with matplotlib.rc_context({"svg.hashsalt": "packetlab", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 4.5), dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for one in series:
            x, y = thinned(one, _FILE_COLUMNS)
            if not len(x):
                continue
            name = safe_text(one.name)
            if one.style == "bars":
                axes.bar(x, y, width=bar_width(x), align="edge", label=name)
            elif one.style == "points":
                axes.plot(x, y, ".", markersize=4, label=name)
            else:
                how = "steps-post" if one.style == "steps" else "default"
                axes.plot(x, y, linewidth=1.2, label=name, drawstyle=how)
        axes.set_title(safe_text(title), parse_math=False)
        axes.set_xlabel(safe_text(x_label), parse_math=False)
        axes.set_ylabel(safe_text(y_label), parse_math=False)
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.grid(alpha=0.3)
        if len(series) > 1:
            for text in axes.legend().get_texts():
                text.set_parse_math(False)
        metadata: dict[str, Any] = {"Date": None, "Creator": "packetlab"} if path.suffix.lower() == ".svg" else {}
        try:
            figure.savefig(path, metadata=metadata)
        except OSError as error:
            raise PacketLabError(f"{path} cannot be written: {error.strerror or error}") from None


def bar_width(x: Any) -> float:
    """The width of a bar: the smallest distance between two."""
    import numpy as np

    gaps = np.diff(np.unique(x))
    return float(gaps.min()) if len(gaps) else 1.0


def thinned(series: Series, columns: int) -> tuple[Any, Any]:
    """(x, y) as float arrays, finite, and at most about four points for each of so many columns."""
    import numpy as np

    x, y = np.asarray(series.x, np.float64), np.asarray(series.y, np.float64)
    if len(x) != len(y):
        raise ValueError(f"{len(x)} values of x, but {len(y)} of y")
    sound = np.isfinite(x) & np.isfinite(y)
    x, y = np.clip(x[sound], -_LARGEST, _LARGEST), np.clip(y[sound], -_LARGEST, _LARGEST)
    if len(x) <= 4 * columns or series.style == "bars":
        return x, y
    low, high = float(x.min()), float(x.max())
    column = np.minimum(((x - low) / ((high - low) or 1.0) * columns).astype(np.int64), columns - 1)
    by_value = np.lexsort((y, column))
    by_place = np.argsort(column, kind="stable")
    keep = [order[edge] for order in (by_value, by_place) for edge in _edges(column[order])]
    chosen = np.unique(np.concatenate(keep))
    return x[chosen], y[chosen]


def _edges(column: Any) -> tuple[Any, Any]:
    """Where each run of equal values begins, and where it ends."""
    import numpy as np

    begins = np.flatnonzero(np.r_[True, column[1:] != column[:-1]])
    return begins, np.r_[begins[1:], len(column)] - 1
