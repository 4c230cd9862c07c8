"""The text of a step, as the screen of `packetlab lab watch` shows it."""

from typing import Any

from rich.text import Text

from packetlab.lab.prose import prose
from packetlab.lab.watch.commands import commands_in


def step_text(status: dict[str, Any], width: int) -> Text:
    """What the window of the step shows, in lines of at most `width`: `status` is what the lab's process says."""
    parts = [prose(status["text"], width, colour=True)]
    if status["number"] == 1:
        parts = [prose(status["intro"], width, colour=True), status["diagram"], *parts]
    if status["questions"]:
        rows = [f"- {question['name']}: {question['text']}" for question in status["questions"]]
        parts.append(prose("\n".join(rows), width) + "\n\nPress a to answer.")
    if status["file"]:
        how = "It is checked whenever you save it; e opens it in an editor."
        parts.append(prose(f"Your file: {status['file']}\n\n{how}", width))
    elif not status["questions"]:
        here = any(commands_in(status["text"], status["hosts"]))
        how = "Here r, then Down, brings these commands one by one; Enter runs each. " if here else ""
        checked = "The step is checked by itself as soon as frames have come." if status["automatic"] else \
            "c checks the step."
        parts.append(prose(f"{how}{checked}", width))
    parts += [prose(f"Hint {number}: {hint}", width, colour=True) for number, hint in enumerate(status["hints"], 1)]
    if status["replay"]:
        parts.append(prose(f"Replay mode: frames come from a capture. {status['replay']}", width))
    if status["number"] > 1:
        parts.append(status["diagram"])  # who knows the network already reads first what there is to do
    if status["onward"] and status["number"] == status["of"]:  # in any other it would only take room
        parts.insert(0, prose(status["onward"], width))
    return Text.from_ansi("\n\n".join(parts))
