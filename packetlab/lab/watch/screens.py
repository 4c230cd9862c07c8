"""What opens over the main screen: a frame in depth, a text to read, a choice, the questions of a step."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static

from packetlab.lab.verdict import Seen


class Reading(ModalScreen[None]):
    """Something to read and scroll; Enter, Escape or q closes it."""

    BINDINGS: ClassVar = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("down,j", "scroll(1)", show=False), Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(15)", show=False), Binding("pageup", "scroll(-15)", show=False),
    ]  # fmt: skip

    def __init__(self, title: str, what: Any) -> None:
        super().__init__()
        self._heading, self._what = title, what

    def compose(self) -> ComposeResult:
        """A box as large as it needs."""
        with VerticalScroll(classes="box"):
            yield Static(self._what)

    def on_mount(self) -> None:
        """Names the box and how to leave it."""
        box = self.query_one(VerticalScroll)
        box.border_title = self._heading
        box.border_subtitle = "Enter closes"
        box.focus()

    def action_scroll(self, lines: int) -> None:
        """By so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def in_depth(seen: Seen) -> Reading:
    """A frame: its layers, what every field means, its bytes."""
    from packetlab.show import blank, bytes_view, explain, layers, stacked

    packet = seen.packet
    return Reading(f"frame {seen.number} at {seen.place}", stacked([
        layers(packet), blank(), explain(packet), blank(), bytes_view(packet)
    ]))  # fmt: skip


class Choosing(ModalScreen[str]):
    """One of some names."""

    BINDINGS: ClassVar = [Binding("escape,q", "dismiss('')", "Close")]

    def __init__(self, title: str, names: Sequence[str]) -> None:
        super().__init__()
        self._heading, self._names = title, names

    def compose(self) -> ComposeResult:
        """A list."""
        yield OptionList(*self._names, classes="box", markup=False)

    def on_mount(self) -> None:
        """Names it."""
        found = self.query_one(OptionList)
        found.border_title = self._heading
        found.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Chosen."""
        self.dismiss(str(event.option.prompt))


class Answering(ModalScreen[dict[str, str] | None]):
    """The questions of a step, one below the other; Enter in the last one hands them in."""

    BINDINGS: ClassVar = [Binding("escape", "dismiss", "Close")]

    def __init__(self, questions: Sequence[dict[str, Any]], before: Mapping[str, str]) -> None:
        """`before`: what was answered the last time, by question; it is there to be put right."""
        super().__init__()
        self._questions, self._before = questions, before

    def compose(self) -> ComposeResult:
        """A label and a line for each."""
        with Vertical(classes="box"):
            for number, question in enumerate(self._questions):
                kinds = ", ".join(question["choices"]) or question["kind"]
                yield Label(Text(question["text"]))
                # select_on_focus (the default): typing takes the place of what was answered before.
                yield Input(self._before.get(question["name"]), placeholder=kinds, id=f"answer{number}")

    def on_mount(self) -> None:
        """Names it."""
        box = self.query_one(Vertical)
        box.border_title, box.border_subtitle = "Your answer", "Enter: next, at the end hand in; Escape: not now"
        self.query_one("#answer0", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """To the next line, or done."""
        lines = list(self.query(Input))
        empty = [line for line in lines if not line.value.strip()]
        if event.input is not lines[-1] or empty:
            following = lines[(lines.index(event.input) + 1) % len(lines)]
            (following if event.input is not lines[-1] else empty[0]).focus()
            return
        self.dismiss({question["name"]: line.value.strip()
                      for question, line in zip(self._questions, lines, strict=True)})  # fmt: skip
