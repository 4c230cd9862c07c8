"""Plots: what is drawn is where it should be, in every terminal; files are the same every time."""

import numpy as np
import pytest

from packetlab.model.errors import UsageError
from packetlab.show.canvas import number_text, ticks
from packetlab.show.plots import Series, plot_file, plot_terminal, thinned

RAMP = Series("ramp", [0, 1, 2, 3, 4], [0, 10, 20, 30, 40])


def lines(*series: Series, **options: bool) -> list[str]:
    return str(plot_terminal(series, "Title", "time (s)", "packets", **options)).splitlines()


def test_a_plot_fits_eighty_columns_and_names_what_it_shows() -> None:
    drawn = lines(RAMP)
    assert max(map(len, drawn)) <= 80
    assert drawn[0] == "Title" and "packets" in drawn[1] and drawn[-1].strip() == "time (s)"


def test_a_rising_line_is_high_on_the_right_and_low_on_the_left() -> None:
    drawn = [line.split("|", 1)[1] for line in lines(RAMP, ascii_only=True) if "|" in line]
    assert drawn[0].rstrip().endswith("*") and drawn[0].strip() == drawn[0].strip("* ").strip() + drawn[0].strip()
    assert drawn[-1].startswith("*")


def test_ascii_only_means_ascii_only() -> None:
    for style in ("line", "points", "bars", "steps"):
        assert "\n".join(lines(Series("a", [0, 1], [1, 2], style), ascii_only=True)).isascii()


def test_several_series_differ_without_colour() -> None:
    drawn = "\n".join(lines(RAMP, Series("fall", [0, 1, 2, 3, 4], [40, 30, 20, 10, 0])))
    assert "• ramp" in drawn and "× fall" in drawn


def test_nothing_odd_breaks_a_plot() -> None:
    for x, y in (([], []), ([1], [5]), ([1, 1], [0, 0]), ([0, 1], [np.nan, np.inf]), ([0, 1e300], [-1e308, 1e308]),
                 ([5, 5.0000001], [1e-12, 2e-12])):  # fmt: skip
        for style in ("line", "points", "bars", "steps"):
            assert max(map(len, lines(Series("\x1b[2J", x, y, style)))) <= 80
            assert "\x1b" not in "\n".join(lines(Series("\x1b[2J", x, y, style), RAMP))


def test_thinning_keeps_the_peaks() -> None:
    x, y = np.arange(1_000_000.0), np.zeros(1_000_000)
    y[123_456], y[654_321] = 9, -9
    few_x, few_y = thinned(Series("a", x, y), 100)
    assert len(few_x) <= 400 and few_y.max() == 9 and few_y.min() == -9 and few_x[-1] == 999_999


def test_ticks_are_round_and_short() -> None:
    assert ticks(0, 97, 5) == [0, 20, 40, 60, 80, 100]
    assert [number_text(value, [0, 5e5, 1e6]) for value in (0, 5e5, 1e6)] == ["0", "500k", "1000k"]


@pytest.mark.parametrize("name", ["a.svg", "a.png"])
def test_a_file_is_the_same_every_time(tmp_path, name: str) -> None:
    pytest.importorskip("matplotlib")
    series = [RAMP, Series("$x_{", [0, 1], [1, 2], "points"), Series("bars", [0, 1, 2], [1, 2, 3], "bars")]
    plot_file(tmp_path / name, series, "T$", "x", "y")
    first = (tmp_path / name).read_bytes()
    plot_file(tmp_path / name, series, "T$", "x", "y")
    assert first == (tmp_path / name).read_bytes() and len(first) > 1000


def test_a_file_of_another_kind_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="picture"):
        plot_file(tmp_path / "a.gif", [RAMP], "T", "x", "y")
