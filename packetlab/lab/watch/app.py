"""The screen of `packetlab lab watch`.

Everything that may wait (the lab's process, commands on hosts) happens in worker threads; they hand what they found
to the screen by `call_from_thread`. One poll is under way at a time. Text from the network goes through safe_text
and is never read as markup.
"""

import os
import shlex
import shutil
import subprocess
import threading
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Footer, Input, RichLog, Static

from packetlab.lab.prose import prose
from packetlab.lab.verdict import MARKS
from packetlab.lab.watch.commands import Typed, commands_in, understood
from packetlab.lab.watch.looks import COLOURS, HELP, STYLE, WIDE, fitted
from packetlab.lab.watch.running import Command
from packetlab.lab.watch.screens import Answering, Choosing, Reading, in_depth
from packetlab.lab.watch.texts import step_text
from packetlab.lab.watch.watcher import MOST_ROWS, Row, Watcher
from packetlab.model.errors import PacketLabError
from packetlab.show.safe import safe_text

EVERY = 0.15
"""Seconds between two looks at the lab."""


class WatchApp(App[None]):
    """The step, its frames and what was said about it, on one screen."""

    TITLE = "packetlab lab"
    ENABLE_COMMAND_PALETTE = False
    CSS = STYLE
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]
    BINDINGS: ClassVar = [
        Binding("r", "line", "Run"),
        Binding("c", "check", "Check"),
        Binding("a", "answer", "Answer"),
        Binding("h", "hint", "Hint"),
        Binding("f", "filter", "Filter"),
        Binding("s", "shell", "Shell"),
        Binding("e", "edit", "Edit"),
        Binding("n", "go('next')", "Next"),
        Binding("p", "go('previous')", "Previous", show=False),
        Binding("o", "solution", "Solution", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
        Binding("escape", "escape", show=False),
    ]

    def __init__(self, watcher: Watcher) -> None:
        super().__init__()
        self.watcher = watcher
        self.typed: list[str] = []
        self.given: dict[tuple[str, str], str] = {}
        """What was last answered to a question of a step: (step, question); shown again, to be put right."""
        self.usual = ""
        self.command: Command | None = None
        self.condition: Any = None
        self.asking = ""
        """What the line at the bottom is for: "run" or "filter"."""
        self._polling = threading.Lock()
        self._shown_step: tuple[str, int] = ("", 0)
        self._place = 0
        self._columns = 0
        self._rows: dict[str, Row] = {}
        self._history: list[str] = []
        self._at = 0

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(id="title", markup=False)
        with VerticalScroll(id="step"):
            yield Static(id="text", markup=False)
        with VerticalScroll(id="told"):
            yield Static(id="verdict", markup=False)
        table: DataTable[Text] = DataTable(id="frames", cursor_type="row", show_header=False, zebra_stripes=False)
        yield table
        yield RichLog(id="output", markup=False, highlight=False, wrap=True, max_lines=2000, min_width=1)
        yield Input(id="line")
        footer = Footer(show_command_palette=False)
        footer.compact = True
        yield footer

    def on_mount(self) -> None:
        """Starts following."""
        table = self.query_one(DataTable)
        table.add_column("time", key="time")
        table.add_column("frame", key="frame")
        table.border_title = "frames"
        self.query_one("#output").border_title = "output"
        self.show_step()
        self.add_rows([])
        step = self.query_one("#step", VerticalScroll)
        step.focus()
        self.watch(step, "scroll_y", self.show_more)
        self.set_interval(EVERY, self.follow)

    def on_resize(self) -> None:
        """Wraps the step's text anew."""
        self.call_after_refresh(self.show_step)
        if self._columns != self.columns:
            self._columns = self.columns
            self.all_rows()

    @property
    def columns(self) -> int:
        """Those of a window: on a wide screen there are two, side by side."""
        return self.size.width // (2 if self.size.width >= WIDE else 1)

    @property
    def room(self) -> int:
        """Columns of a verdict's text, in a window or in a box over the screen: less border, padding and scrollbar."""
        return min(100, self.columns * 96 // 100) - 6

    # -- what is shown

    def show_step(self) -> None:
        """The title and the text of the current step."""
        status = self.watcher.status
        marks = "".join("●" if step["id"] in status["passed"] else "○" for step in status["steps"])
        words = f"{status['lab']}  step {status['number']}/{status['of']} {marks}  {status['kind']}"
        self.query_one("#title", Static).update(Text(words))
        box = self.query_one("#step", VerticalScroll)
        box.border_title = Text(status["step_title"])
        width = max(40, box.scrollable_content_region.width) if box.content_size.width else 74
        self.query_one("#text", Static).update(step_text(status, width))
        if self._shown_step != (status["step"], status["seed"]):
            self._shown_step = (status["step"], status["seed"])
            box.scroll_home(animate=False)
        self.refresh_bindings()
        self.call_after_refresh(self.show_more)

    def show_more(self) -> None:
        """Whether there is more text below."""
        box = self.query_one("#step", VerticalScroll)
        box.border_subtitle = "PageDown: more" if box.scroll_y < box.max_scroll_y else ""

    def say(self, text: str, *, good: bool = False, title: str = "") -> None:
        """Puts words between the step and its frames; "" takes them away."""
        box = self.query_one("#told", VerticalScroll)
        box.display = bool(text)
        self._share()
        box.set_class(good, "good")
        box.border_title = title
        self.query_one("#verdict", Static).update(Text(safe_lines(text)))
        # Where not all of a verdict has room, what does not hold is more important than what does.
        lines = text.split("\n")
        failed = next((at for at, line in enumerate(lines) if line.startswith("  expected  ")), 0)
        self.call_after_refresh(self._show_told, failed if lines[1:] and lines[1].startswith("  ok  ") else 0)

    def _show_told(self, line: int) -> None:
        box = self.query_one("#told", VerticalScroll)
        box.scroll_to(y=line, animate=False)
        box.border_subtitle = "Tab, then Up and Down: more" if box.max_scroll_y else ""

    def _share(self) -> None:
        """What is on the screen shares its lines: frames leave room for a verdict, and both for a command's output."""
        shown = [self.query_one(name).display for name in ("#told", "#output")]
        self.screen_stack[0].set_class(any(shown), "-busy")
        self.screen_stack[0].set_class(all(shown), "-full")
        self.screen_stack[0].set_class(shown[1], "-output")

    def add_rows(self, rows: list[Row]) -> None:
        """New frames at the end; the cursor follows unless the learner has moved it up."""
        table: DataTable[Text] = self.query_one(DataTable)
        at_end = table.cursor_row >= table.row_count - 1
        for row in rows:
            cells = self._cells(row)
            if cells:
                self._place += 1
                table.add_row(*cells, key=str(self._place))
                self._rows[str(self._place)] = row
        if table.row_count > 2 * MOST_ROWS:
            self.all_rows()  # taking rows away one by one would take a second for each hundred
            return
        if at_end and table.row_count:
            table.move_cursor(row=table.row_count - 1, animate=False)
        frames = self.watcher.frames
        none = "none yet in this attempt" if self.watcher.rows else "none yet"
        said = f"frames: {frames or none}" + (f", shown: {self.condition.text}" if self.condition else "")
        table.border_title = Text(said)

    def _cells(self, row: Row) -> tuple[Text, Text] | None:
        if row.seen is None:
            return Text(""), Text(f"--- {row.text} ---", style="dim")
        if self.condition and not row.seen.fits(self.condition):
            return None
        line = fitted(row.seen.line()[6:], self.columns - 18)
        layers = [(type(layer).family_base or type(layer)).__name__ for layer in row.seen.packet.layers]
        style = next((COLOURS[name] for name in reversed(layers) if name in COLOURS), "")
        return Text(f"{row.seconds * 1000:9.3f}"[:9], style="dim"), Text(line, style=style)

    def all_rows(self) -> None:
        """The list anew, after its filter has changed."""
        self.query_one(DataTable).clear()
        self._rows = {}
        self.add_rows(list(self.watcher.rows))

    # -- following

    def follow(self) -> None:
        """Looks at the lab, in the background, unless the last look goes on."""
        if self._polling.acquire(blocking=False):
            self._look()

    @work(thread=True, exit_on_error=False)
    def _look(self) -> None:
        try:
            before = self.watcher.status
            rows = self.watcher.poll()
            verdict = self.watcher.automatic_verdict(self.room)
            saved = verdict is None and self.watcher.file_was_saved()
            if rows:
                self.call_from_thread(self.add_rows, rows)
            if self.watcher.status is not before:
                self.call_from_thread(self.show_step)
            if verdict:
                self.call_from_thread(self.looked, verdict)
            if saved:
                self.call_from_thread(self.say, "", title="")
                answer = self.watcher.ask("check", width=self.room)
                self.call_from_thread(self.judged, answer)
        except PacketLabError as error:
            self.call_from_thread(self.exit, message=f"packetlab: {error}" + (
                f"\n  try: {error.remedy}" if error.remedy else ""))  # fmt: skip
        finally:
            self._polling.release()

    def looked(self, answer: dict[str, Any]) -> None:
        """An automatic verdict: a pass is told aloud, anything else in the margin."""
        if answer["verdict"] == "pass":
            self.judged(answer)
        else:
            self.say(answer["text"], title="so far (c: judge it, and begin anew)")

    def judged(self, answer: dict[str, Any]) -> None:
        """A verdict that was asked for, or a pass."""
        self.show_step()
        if answer["verdict"] not in ("pass", "skipped"):
            self.say(answer["text"], title=MARKS[answer["verdict"]].lower())
            return
        self.say("")
        words = answer["text"] + ("\n\n" + prose(answer["after"], self.room, colour=True) if answer["after"] else "")
        if answer["next"]:
            words += "\n\nEnter goes on with the next step."
        elif answer["onward"]:
            words += "\n\n" + prose(f"That was the last step. {answer['onward']} (q leaves.)", self.room)
        self.push_screen(Reading(MARKS[answer["verdict"]], Text.from_ansi(words)))

    @work(thread=True, exit_on_error=False)
    def _ask(self, do: str, then: Any, **arguments: Any) -> None:
        with self._polling:
            try:
                answer = self.watcher.ask(do, **arguments)
            except PacketLabError as error:
                words = f"{error}" + (f"\ntry: {error.remedy}" if error.remedy else "")
                self.call_from_thread(self.say, words, title="that did not work")
                return
        self.call_from_thread(then, answer)

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only the keys that make sense in this step are named."""
        status = self.watcher.status
        if action == "answer":
            return bool(status["questions"])
        if action == "check":
            return not status["questions"]
        if action == "edit":
            return bool(status["file"])
        if action in ("line", "shell"):
            return bool(status["hosts"])
        return True

    def action_check(self) -> None:
        """Judges the step."""
        self._ask("check", self.judged, width=self.room)

    def action_answer(self) -> None:
        """Asks the step's questions."""
        status = self.watcher.status
        step = f"{status['step']} {status['seed']}"

        def given(answers: dict[str, str] | None) -> None:
            if answers:
                self.given |= {(step, name): answer for name, answer in answers.items()}
                self._ask("check", self.judged, given=answers, width=self.room)

        before = {name: answer for (of, name), answer in self.given.items() if of == step}
        self.push_screen(Answering(status["questions"], before), given)

    def action_hint(self) -> None:
        """The next hint."""
        def tell(answer: dict[str, Any]) -> None:
            words = prose(answer["text"], self.columns - 5)
            self.say(words, good=True, title=f"hint {answer['level']} of {answer['of']}")

        self._ask("hint", tell)

    def action_solution(self) -> None:
        """The reference solution, for who has asked for it."""
        def tell(answer: dict[str, Any]) -> None:
            self.push_screen(Reading(f"solution {answer['name']}".rstrip(), Text(answer["text"].rstrip())))

        self._ask("solution", tell)

    def action_go(self, where: str) -> None:
        """To another step."""
        status = self.watcher.status
        number = status["number"] + (1 if where == "next" else -1)
        if 1 <= number <= status["of"]:
            self._clear()
            self._ask("step", lambda _: self.show_step(), name=str(number))

    def action_help(self) -> None:
        """What the keys do."""
        self.push_screen(Reading("help", Text.from_ansi(prose(HELP, self.room, colour=True))))

    def action_filter(self) -> None:
        """Asks for a display filter."""
        self._open_line("filter", self.condition.text if self.condition else "", "a display filter; empty for all")

    def action_line(self) -> None:
        """Asks for a command."""
        status = self.watcher.status
        usual = f"{self.usual}$ " if self.usual else f"{status['hosts'][0]}$ "
        # Up goes back through what was typed, Down through what the step's text shows.
        self._history = [*self.typed, "", *commands_in(status["text"], status["hosts"])]
        self._at = len(self.typed)
        self._history[self._at] = usual
        self._open_line("run", usual, "HOST$ COMMAND   Down: commands of the step, Up: earlier ones")

    def _open_line(self, asking: str, value: str, title: str) -> None:
        self.asking = asking
        line = self.query_one("#line", Input)
        line.display, line.value, line.border_title = True, value, title
        line.cursor_position = len(value)
        line.focus()

    def _close_line(self) -> None:
        self.query_one("#line").display = False
        self.query_one("#step").focus()

    def on_key(self, event: Any) -> None:
        """Up and Down in the command line."""
        line = self.query_one("#line", Input)
        if self.focused is line and self.asking == "run" and event.key in ("up", "down"):
            self._at = max(0, min(len(self._history) - 1, self._at + (-1 if event.key == "up" else 1)))
            line.value = self._history[self._at]
            line.cursor_position = len(line.value)
            event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A command or a filter was typed."""
        if event.input.id != "line":
            return
        try:
            if self.asking == "filter":
                from packetlab.analysis.filter import parse

                self.condition = parse(event.value) if event.value.strip() else None
                self.all_rows()
            else:
                typed = understood(event.value, self.watcher.status["hosts"], self.usual)
                self._close_line()
                self.run_command(typed, event.value.strip())
                return
        except PacketLabError as error:
            reason = str(error).partition("\n")[0]
            event.input.border_title = Text(safe_text(reason + (f" (try: {error.remedy})" if error.remedy else "")))
            return
        self._close_line()

    def action_escape(self) -> None:
        """Closes the line, or stops the command that runs, or takes away what was said."""
        if self.query_one("#line").display:
            self._close_line()
        elif self.command is not None:
            self.command.stop()
        else:
            self._clear()

    def _clear(self) -> None:
        """Takes away what was said, and what commands that have ended printed."""
        if self.command is None:
            self.query_one("#output").display = False
        self.say("")

    def on_data_table_row_selected(self, event: "DataTable.RowSelected") -> None:
        """A frame in depth."""
        row = self._rows.get(str(event.row_key.value))
        if row and row.seen:
            self.push_screen(in_depth(row.seen))

    # -- commands on hosts

    def run_command(self, typed: Typed, line: str) -> None:
        """Starts what was typed; its output comes in the window at the bottom."""
        if typed.host and not typed.command:
            self._open_shell(typed.host)
            return
        if self.command is not None:
            self.say("A command runs already. Escape stops it.", title="one at a time")
            return
        self.usual = typed.host or self.usual
        if line in self.typed:
            self.typed.remove(line)
        self.typed.append(line)
        if typed.host and typed.is_conversation:
            self._open_shell(typed.host, typed)
            return
        output = self.query_one("#output", RichLog)
        output.display = True
        self._share()
        output.write(Text(f"{typed.host or ''}$ {typed.command}", style="bold"))
        self.command = Command(typed, self.columns - 4)
        self._run(self.command)

    @work(thread=True, exit_on_error=False)
    def _run(self, command: Command) -> None:
        output = self.query_one("#output", RichLog)
        try:
            for line in command.lines():
                self.call_from_thread(output.write, Text(safe_text(line)))
        finally:
            self.command = None
        if command.code:
            self.call_from_thread(output.write, Text(f"(exit code {command.code})", style="dim"))

    def action_shell(self) -> None:
        """Asks for a host and opens a shell there."""
        hosts = self.watcher.status["hosts"]

        def chosen(host: str | None) -> None:
            if host:
                self._open_shell(host)

        if len(hosts) == 1:
            chosen(hosts[0])
        else:
            self.push_screen(Choosing("a shell on which host?", hosts), chosen)

    def action_edit(self) -> None:
        """Opens the learner's file in their editor."""
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        words = shlex.split(editor) if editor else [name for name in ("nano", "vi") if shutil.which(name)][:1]
        if not words:
            self.say("No editor was found; set EDITOR to the one you use.", title="that did not work")
            return
        with self.suspend():
            try:
                subprocess.call([*words, self.watcher.status["file"]])
            except OSError as error:
                self.say(f"{words[0]} cannot be started: {error.strerror}", title="that did not work")
        self.refresh(layout=True)

    def _open_shell(self, host: str, typed: Typed | None = None) -> None:
        """A shell, or a command to which one types: it has the terminal to itself."""
        from packetlab.lab.shell import run_in_host

        with self.suspend():
            print(f"{host}$ {typed.command}\n(What you type goes to it; Ctrl-D ends.)" if typed else
                  f"A shell on {host}; `exit` goes back to the lab.")  # fmt: skip
            try:
                run_in_host(host, typed.words if typed else [])
                if typed:
                    input("\n(Enter goes back to the lab.) ")
            except PacketLabError as error:
                self.say(str(error), title="that did not work")
            except (EOFError, KeyboardInterrupt):
                pass
        self.refresh(layout=True)

    def on_unmount(self) -> None:
        """Stops what still runs."""
        if self.command is not None:
            self.command.stop()


def safe_lines(text: str) -> str:
    """Text of several lines, safe to show."""
    return "\n".join(safe_text(line) for line in text.split("\n"))
