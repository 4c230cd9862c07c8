"""`packetlab lab watch`: what a learner sees and presses, on a real running lab, at 80 columns and 24 lines."""

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Input, RichLog, Static

from packetlab.lab.watch.app import WatchApp
from packetlab.lab.watch.commands import commands_in, understood
from packetlab.lab.watch.looks import fitted
from packetlab.lab.watch.screens import Reading
from packetlab.lab.watch.watcher import MOST_ROWS, PATIENCE, QUIET, Watcher
from packetlab.model.errors import UsageError
from tests.lab.learner import Learner

SIZE = (80, 24)
HOSTS = ("a1", "a2", "b1")


@pytest.fixture
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Learner]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Learner(tmp_path) as found:
        found.must("start", "hub-or-switch", "--seed", "5")
        yield found


def on_screen(test: Callable[[WatchApp, Any], Awaitable[None]]) -> None:
    """Runs a test on the screen of the lab that runs."""
    import packetlab.protocols  # noqa: F401
    from packetlab.lab.client import request

    async def run() -> None:
        app = WatchApp(Watcher(request))
        async with app.run_test(size=SIZE) as pilot:
            await test(app, pilot)

    asyncio.run(run())


async def until(pilot: Any, condition: Callable[[], Any], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        await pilot.pause(0.05)


def text_of(app: WatchApp, name: str) -> str:
    found = app.screen_stack[0].query_one(name, Static)
    return str(found.render())


async def typed(app: WatchApp, pilot: Any, text: str) -> None:
    await pilot.press("r")
    await until(pilot, lambda: app.query_one("#line", Input).has_focus)
    app.query_one("#line", Input).value = text
    await pilot.press("enter")


def test_a_command_is_typed_its_frames_appear_and_the_step_is_passed_by_itself(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        status = app.watcher.status
        assert "Six machines" in text_of(app, "#text")
        await pilot.press("n")
        await until(pilot, lambda: app.watcher.status["step"] == "ping")
        await typed(app, pilot, "a1$ ping -c 2 -i 0.2 a2")
        await until(pilot, lambda: app.query_one(DataTable).row_count > 8)
        await until(pilot, lambda: app.command is None)
        assert any("2 received" in line.text for line in app.query_one(RichLog).lines)
        await until(pilot, lambda: "hub is missing" in text_of(app, "#verdict"))
        for widget in app.screen.walk_children():
            if widget.display and widget.id in ("step", "told", "frames", "output"):
                assert widget.region.bottom <= SIZE[1] and widget.region.right <= SIZE[0], widget
        await typed(app, pilot, "packetlab lab shell b1 -- ping -c 2 -i 0.2 b2")
        await until(pilot, lambda: isinstance(app.screen, Reading))
        assert app.watcher.status["step"] == "look" and "ping" in app.watcher.status["passed"]
        assert app.watcher.status["seed"] == status["seed"]
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, Reading))
        assert "○" in text_of(app, "#title") and "●" in text_of(app, "#title")

    on_screen(test)


def test_a_wrong_answer_says_why_and_a_right_one_goes_on(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        async def answer(*values: str) -> None:
            await pilot.press("a")
            await until(pilot, lambda: len(app.screen.query(Input)) == 2)
            for value in values:
                await pilot.press(*value, "enter")

        await answer("4", "4")
        await until(pilot, lambda: "same number" in text_of(app, "#verdict"))
        # What came of the wrong answer was sent for it all the same, and stays in the list.
        await until(pilot, lambda: app.query_one(DataTable).row_count > 20)
        # What was answered is still there, and typing takes its place.
        await pilot.press("a")
        await until(pilot, lambda: [line.value for line in app.screen.query(Input)] == ["4", "4"])
        await pilot.press("escape")
        await answer("0", "4")
        await until(pilot, lambda: isinstance(app.screen, Reading))
        assert app.watcher.status["step"] == "ping"

    on_screen(test)


def test_a_frame_opens_in_depth_and_a_filter_leaves_only_what_it_names(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        await pilot.press("n")
        await typed(app, pilot, "a1$ ping -c 1 a2")
        await until(pilot, lambda: app.command is None and app.query_one(DataTable).row_count > 6)
        await pilot.press("f")
        await until(pilot, lambda: app.query_one("#line", Input).has_focus)
        await pilot.press(*"arp &&", "enter")
        assert "ends too early" in str(app.query_one("#line", Input).border_title)
        app.query_one("#line", Input).value = "arp.opcode == 2"
        await pilot.press("enter")
        await until(pilot, lambda: app.query_one(DataTable).row_count == 2)
        app.query_one(DataTable).focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Reading))
        lines = (await asyncio.to_thread(learner.must, "frames")).stdout.splitlines()
        replies = {line.split()[0] for line in lines if "ARP" in line and " is at " in line}
        assert app.screen.query_one(VerticalScroll).border_title.split()[1] in replies
        await pilot.press("escape")
        assert app.condition is not None

    on_screen(test)


def test_the_file_of_a_build_step_is_checked_when_it_is_saved(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        for _ in range(3):
            before = app.watcher.status["number"]
            await pilot.press("n")
            await until(pilot, lambda was=before: app.watcher.status["number"] > was)
        file = Path(app.watcher.status["file"])
        file.write_text("class Switch:\n    def __init__(self, ports): pass\n    def receive(self, *_): return 1\n")
        await until(pilot, lambda: "a list of ports" in text_of(app, "#verdict"))
        file.write_text((learner.folder("hub-or-switch") / "solutions" / "switch.py").read_text())
        await until(pilot, lambda: isinstance(app.screen, Reading))
        assert "switch" in app.watcher.status["passed"]

    on_screen(test)


def test_the_text_of_a_step_is_wrapped_where_its_window_ends(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        await pilot.pause(0.2)
        window, text = app.query_one("#step"), app.query_one("#text", Static)
        lines = str(text.render()).split("\n")
        assert max(map(len, lines)) <= window.scrollable_content_region.width == text.size.width
        assert text.size.height == len(lines), "no line goes on in the next one"

    on_screen(test)


def test_of_a_long_verdict_that_part_is_seen_that_does_not_hold(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        text = "NOT YET: ping\n" + "  ok  this holds\n" * 20 + "  expected  a frame\n  seen      none"
        app.say(text, title="not yet")
        box = app.query_one("#told", VerticalScroll)
        await until(pilot, lambda: 0 < box.scroll_y <= 21 < box.scroll_y + box.size.height)
        assert "more" in str(box.border_subtitle) and box.region.height >= 7
        app.query_one("#output").display = True
        app._share()
        await pilot.pause(0.2)
        assert box.region.height >= 5 and app.query_one("#output").region.bottom <= SIZE[1] - 1
        app.say("NOT YET: ping\n  What is wrong, in words.\n" + text.partition("\n")[2])
        await until(pilot, lambda: box.scroll_y == 0 and box.max_scroll_y)
        app.say("short")
        await until(pilot, lambda: box.scroll_y == 0 and not box.border_subtitle)

    on_screen(test)


def test_a_flood_fills_neither_list_nor_time_and_a_line_without_an_end_comes_in_pieces(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        await pilot.press("n")
        await typed(app, pilot, "a1$ packetlab ping --flood -c 2000 a2")
        # Whether the command is still running says nothing: a quick one has come and gone between two looks.
        await until(pilot, lambda: app.query_one(DataTable).row_count >= MOST_ROWS, 60)
        await until(pilot, lambda: app.command is None, 60)
        assert app.query_one(DataTable).row_count <= 2 * MOST_ROWS and len(app._rows) <= 2 * MOST_ROWS
        assert len(app.watcher.rows) == MOST_ROWS
        await typed(app, pilot, "a1$ head -c 9000 /dev/zero | tr '\\0' x")
        await until(pilot, lambda: any(set(line.text) == {"x"} for line in app.query_one(RichLog).lines))

    on_screen(test)


def test_hints_come_one_by_one_and_a_command_that_runs_is_stopped_by_escape(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        await pilot.press("h")
        await until(pilot, lambda: "Count the frames first" in text_of(app, "#verdict"))
        await typed(app, pilot, "a1$ sleep 60")
        await until(pilot, lambda: app.command is not None)
        await typed(app, pilot, "a1$ true")
        await until(pilot, lambda: "runs already" in text_of(app, "#verdict"))
        await pilot.press("escape")
        await until(pilot, lambda: app.command is None)

    on_screen(test)


def test_when_the_lab_ends_elsewhere_the_screen_ends_with_a_sentence(learner: Learner) -> None:
    async def test(app: WatchApp, pilot: Any) -> None:
        await asyncio.to_thread(learner.must, "stop")
        await until(pilot, lambda: not app.is_running)

    on_screen(test)


def on_terminal(state: Path) -> tuple[int, int]:
    """`lab watch` on a terminal of its own that no signal tells of its end: the process, the terminal's other side."""
    child, master = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.environ |= {"XDG_STATE_HOME": str(state), "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
        os.execv(sys.executable, [sys.executable, "-m", "packetlab.cli.main", "lab", "watch", "hub-or-switch"])
    return child, master


def read_until(master: int, wanted: bytes, seconds: float = 60) -> bytes:
    """What was drawn up to and with some words, or all until the program is gone."""
    said, end = b"", time.monotonic() + seconds
    while wanted not in said and time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.2)
        try:
            said += os.read(master, 65536) if ready else b""
        except OSError:
            break
    return said


def test_in_a_real_terminal_it_starts_the_lab_draws_itself_and_leaves_it_running(tmp_path: Path) -> None:
    with Learner(tmp_path) as learner:
        child, master = on_terminal(tmp_path)
        assert b"Six machines" in read_until(master, b"Six machines")
        os.write(master, b"q")
        assert b"packetlab lab stop" in read_until(master, b"packetlab lab stop")
        _, status = os.waitpid(child, 0)
        os.close(master)
        assert os.waitstatus_to_exitcode(status) == 0
        assert learner.must("stop").stdout.startswith("hub-or-switch has ended")


def test_when_its_terminal_is_gone_it_ends_and_leaves_the_lab_running(tmp_path: Path) -> None:
    with Learner(tmp_path) as learner:
        child, master = on_terminal(tmp_path)
        assert b"Six machines" in read_until(master, b"Six machines")
        os.close(master)
        end, done, status = time.monotonic() + 30, 0, 0
        while not done and time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.05)
        if not done:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert done and os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
        assert learner.must("stop").stdout.startswith("hub-or-switch has ended")


def test_without_a_terminal_it_says_what_does_without_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "packetlab.cli.main", "lab", "watch"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 2 and "needs a terminal" in done.stderr and "packetlab lab step" in done.stderr


@pytest.mark.parametrize(
    ("line", "host", "command"),
    [
        ("a1$ ping -c 1 a2", "a1", "ping -c 1 a2"),
        ("a1 ping a2", "a1", "ping a2"),
        ("packetlab lab shell b1 -- ip -br address", "b1", "ip -br address"),
        ("packetlab lab shell b1 ls", "b1", "ls"),
        ("packetlab lab shell b1", "b1", ""),
        ("packetlab lab hint", "", "packetlab lab hint"),
        ("packetlab ping a2", "a2", "packetlab ping a2"),
        ("echo $HOME", "a2", "echo $HOME"),
    ],
)
def test_a_line_is_understood_as_the_texts_of_labs_write_it(line: str, host: str, command: str) -> None:
    found = understood(line, HOSTS, usual="a2")
    assert (found.host, found.command) == (host, command)


@pytest.mark.parametrize(("line", "reason"), [
    ("c9$ ping a1", "no host 'c9'"), ("a1$ ", "which command"), ("packetlab lab shell c9", "no host 'c9'"),
    ("packetlab lab answer 'a", "cannot be read"),
])  # fmt: skip
def test_a_line_that_names_no_host_or_no_command_is_refused_with_a_remedy(line: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        understood(line, HOSTS, usual="a2")
    with pytest.raises(UsageError, match="on which host"):
        understood("ping a2", HOSTS)


def test_the_commands_of_a_text_are_those_that_it_shows_on_their_hosts() -> None:
    text = "Now:\n\n    packetlab lab shell a1\n    ping -c 2 a2\n    exit\n    packetlab lab shell b1 -- ip a\n" \
           "    packetlab lab check\n\nnot ping"  # fmt: skip
    assert list(commands_in(text, HOSTS)) == ["a1$ ping -c 2 a2", "b1$ ip a"]


def test_a_command_that_a_text_shows_in_several_lines_is_brought_as_one() -> None:
    text = "Now:\n\n    packetlab lab shell a1\n    packetlab send -W 0 \\\n      'IPv4(src=\"10.0.0.1\",\n" \
           "       ttl=1) / \"it\"'\n    exit\n\n    it's not one\n\n    packetlab lab shell b1 -- ip a\n"  # fmt: skip
    wanted = "a1$ packetlab send -W 0 'IPv4(src=\"10.0.0.1\", ttl=1) / \"it\"'"
    assert list(commands_in(text, HOSTS)) == [wanted, "b1$ ip a"]


class _Lab:
    """Stands for the lab's process: what Watcher asks, and when."""

    def __init__(self) -> None:
        self.now, self.frames, self.attempt, self.asked = 100.0, 0, 1, []  # type: ignore[var-annotated]
        self.step = {"step": "ping", "step_title": "Ping", "file": "", "automatic": True, "of": 1, "number": 1}

    def ask(self, do: str, **arguments: Any) -> Any:
        self.asked.append(do)
        if do == "status":
            return dict(self.step)
        if do == "live":
            since = arguments["since"] if arguments["attempt"] == self.attempt else 0
            rows = [[1_000_000 * number, "a1 eth0", "out", 1, 60, "00" * 60] for number in range(since, self.frames)]
            return {"attempt": self.attempt, "step": "ping", "since": since, "count": self.frames, "frames": rows}
        return {"verdict": "not yet"}


def test_it_looks_by_itself_once_frames_have_come_to_an_end_or_go_on_for_long() -> None:
    lab = _Lab()
    watcher = Watcher(lab.ask, lambda: lab.now)
    watcher.poll()
    assert watcher.automatic_verdict() is None
    lab.frames = 3
    assert len(watcher.poll()) == 3
    assert watcher.automatic_verdict() is None
    lab.now += QUIET + 0.01
    assert watcher.automatic_verdict() == {"verdict": "not yet"}
    lab.now += 60
    assert watcher.automatic_verdict() is None, "nothing has come since"
    for _ in range(int(PATIENCE / 0.1) + 2):
        lab.now, lab.frames = lab.now + 0.1, lab.frames + 1
        watcher.poll()
        watcher.automatic_verdict()
    assert lab.asked.count("check") == 2


def test_a_new_attempt_is_divided_from_the_last_by_a_line() -> None:
    lab = _Lab()
    watcher = Watcher(lab.ask, lambda: lab.now)
    lab.frames = 2
    watcher.poll()
    lab.attempt, lab.frames = 2, 1
    rows = watcher.poll()
    assert [row.seen is None for row in rows] == [True, False]
    assert rows[1].seconds == 0 and len(watcher.rows) == 4


def test_where_a_line_has_no_room_addresses_of_ip_and_eth0_give_way_and_those_of_cards_do_not() -> None:
    long = "c2 eth0 <- 2001:db8:c092:3266::2 > 2001:db8:a035:2b59::7905 ICMPv6 echo reply id=0x9a7f seq=1 24 bytes"
    assert fitted(long, 200) == long
    assert fitted(long, 90) == "c2 eth0 <- 2001:…:2 > 2001:…:7905 ICMPv6 echo reply id=0x9a7f seq=1 24 bytes"
    assert fitted(long, 62) == "c2 <- 2001:…:2 > 2001:…:7905 ICMPv6 echo reply id=0x9a7f seq=1 24 bytes"
    card = "h2 eth0 <- Ethernet 02:8f:16:5a:54:a1 -> ff:ff:ff:ff:ff:ff local experiment 1, 13 bytes"
    assert fitted(card, 62) == card.replace(" eth0", "")
    four = "r eth1 -> 10.44.148.61 > 10.4.1.9 TCP 22373 -> 36576 [FIN ACK] seq=1 ack=1 win=63"
    assert fitted(four, 80) == "r eth1 -> …148.61 > …1.9 TCP 22373 -> 36576 [FIN ACK] seq=1 ack=1 win=63"
    assert fitted(four.replace("eth1", "eth0"), 78) == four.replace(" eth1", "")


def test_a_lab_that_is_done_says_at_its_last_step_which_is_next(learner: Learner) -> None:
    progress = learner.state / "packetlab" / "progress.jsonl"
    progress.parent.mkdir(exist_ok=True)
    for step in ("guess", "ping", "look", "switch"):
        with progress.open("a") as file:
            file.write(json.dumps({"lab": "hub-or-switch", "step": step, "seed": 5, "time": 1}) + "\n")

    async def test(app: WatchApp, pilot: Any) -> None:
        await pilot.press("n")
        await until(pilot, lambda: app.watcher.status["number"] == 2 and "ping" in text_of(app, "#text"))
        assert "You have passed all" not in text_of(app, "#text")
        await pilot.press("n")
        await until(pilot, lambda: app.watcher.status["number"] == 3)
        await pilot.press("n")
        await until(pilot, lambda: text_of(app, "#text").startswith("You have passed all 4 steps. "))
        assert "`packetlab lab start first-packet` is next" in " ".join(text_of(app, "#text").split())

    on_screen(test)
