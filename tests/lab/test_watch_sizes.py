"""`packetlab lab watch` on small and large terminals: every window has room of its own, whatever is shown."""

import asyncio
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import DataTable, RichLog, Static

from packetlab.lab.watch.app import WatchApp
from packetlab.lab.watch.commands import understood
from packetlab.lab.watch.looks import WIDE
from packetlab.lab.watch.running import Command
from packetlab.lab.watch.watcher import Watcher
from tests.lab.learner import Learner

WINDOWS = ("#title", "#step", "#told", "#frames", "#output", "Footer")
VERDICT = "NOT YET: ping\n" + "  ok  this holds\n" * 30


@pytest.fixture
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Learner]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Learner(tmp_path) as found:
        found.must("start", "hub-or-switch", "--seed", "5")
        found.must("step", "ping")
        found.must("shell", "a1", "--", "packetlab", "ping", "-c", "2", "-i", "0.1", "a2")
        yield found


def on_screen(size: tuple[int, int], test: Any) -> None:
    import packetlab.protocols  # noqa: F401
    from packetlab.lab.client import request

    async def run() -> None:
        app = WatchApp(Watcher(request))
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.query_one(DataTable).row_count)
            await test(app, pilot)

    asyncio.run(run())


async def until(pilot: Any, condition: Any) -> None:
    for _ in range(300):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError("it did not come to pass")


def regions(app: WatchApp) -> dict[str, Any]:
    return {name: app.query_one(name).region for name in WINDOWS if app.query_one(name).display}


def is_tidy(app: WatchApp) -> bool:
    """Whether all windows are seen whole, and none lies over another."""
    placed = regions(app)
    return all(region.area and app.screen.region.contains_region(region) for region in placed.values()) and not any(
        one.overlaps(other) for one, other in combinations(placed.values(), 2)
    )


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (WIDE - 1, 40), (WIDE, 40), (160, 45), (213, 50)])
def test_no_window_lies_over_another_whatever_is_shown(learner: Learner, size: tuple[int, int]) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        for told, printed in ((False, False), (True, False), (False, True), (True, True)):
            app.query_one("#output").display = printed
            app.query_one("#output", RichLog).write("a line\n" * 40)
            app.say(VERDICT if told else "", title="not yet")
            await until(pilot, lambda: is_tidy(app))
            placed = regions(app)
            left, right = placed["#step"], placed["#frames"]
            if size[0] < WIDE:
                assert left.x == right.x == 0 and left.width == right.width == size[0]
            else:
                assert right.x == left.right == size[0] // 2 and left.y == right.y == 1
                assert max(placed[name].bottom for name in ("#step", "#told") if name in placed) == size[1] - 1
                assert max(placed[name].bottom for name in ("#frames", "#output") if name in placed) == size[1] - 1

    on_screen(size, test)


def test_on_a_wide_screen_text_frames_and_output_fit_their_halves(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        text, table, output = app.query_one("#text", Static), app.query_one(DataTable), app.query_one(RichLog)
        await until(pilot, lambda: max(map(len, str(text.render()).split("\n"))) <= text.size.width < WIDE // 2)
        for number in range(table.row_count):
            _, line = table.get_row_at(number)
            seen = str(line)[: table.size.width - 9 - 3 * table.cell_padding]
            assert "who has" in seen or "is at" in seen or "seq=" in seen, seen
        output.display = True
        await pilot.pause()
        output.write("word " * 40)
        await until(pilot, lambda: output.lines)
        assert max(line.cell_length for line in output.lines) <= output.scrollable_content_region.width
        command = Command(understood("a1$ sh -c 'echo $COLUMNS'", ("a1",)), app.columns - 4)
        assert int("".join(command.lines())) == output.region.width - 4, "less border and padding"

    on_screen((WIDE, 40), test)


def test_a_terminal_that_grows_and_shrinks_goes_from_one_column_to_two_and_back(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        table = app.query_one(DataTable)
        rows = table.row_count
        for columns, beside in ((160, True), (100, False), (200, True), (80, False)):
            await pilot.resize_terminal(columns, 40)
            await until(pilot, lambda beside=beside: is_tidy(app) and (regions(app)["#frames"].x > 0) is beside)
            assert table.row_count == rows

    on_screen((80, 24), test)
