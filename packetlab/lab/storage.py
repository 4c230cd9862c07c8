"""What stays when a lab has ended: progress and captures, below $XDG_STATE_HOME/packetlab.

Progress is a file to which one line is added for each step that was passed, in one write: it cannot regress, two
processes cannot harm each other, and a line that was cut off is passed over.
"""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from packetlab.lab.format import Lab, all_labs
from packetlab.model.errors import PacketLabError
from packetlab.model.frame import Frame


def state_folder() -> Path:
    """$XDG_STATE_HOME/packetlab, or ~/.local/state/packetlab."""
    given = os.environ.get("XDG_STATE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state") / "packetlab"


def remember(lab: str, step: str, seed: int) -> None:
    """A step was passed."""
    line = json.dumps({"lab": lab, "step": step, "seed": seed, "time": int(time.time())}) + "\n"
    path = state_folder() / "progress.jsonl"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            whole = not size or os.pread(descriptor, 1, size - 1) == b"\n"
            os.write(descriptor, (b"" if whole else b"\n") + line.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise PacketLabError(f"progress cannot be written to {path}: {error.strerror}",
                             remedy="set XDG_STATE_HOME to a folder of yours") from None  # fmt: skip


def passed() -> dict[str, dict[str, int]]:
    """By lab, by step: when it was first passed (seconds since 1970)."""
    found: dict[str, dict[str, int]] = {}
    try:
        text = (state_folder() / "progress.jsonl").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return found
    for line in text.splitlines():
        try:
            row = json.loads(line)
            found.setdefault(str(row["lab"]), {}).setdefault(str(row["step"]), int(row["time"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def passed_steps(lab: Lab, progress: dict[str, dict[str, int]] | None = None) -> list[str]:
    """The steps of a lab that have been passed, in the lab's order."""
    done = (passed() if progress is None else progress).get(lab.id, {})
    return [step.id for step in lab.steps if step.id in done]


def next_lab() -> str:
    """The id of the first lab with a step that has not been passed; "" where there is none, or one cannot be read."""
    done = passed()
    try:
        labs = all_labs()
    except PacketLabError:
        return ""
    return next((lab.id for lab in labs if len(passed_steps(lab, done)) < len(lab.steps)), "")


def onward(lab: Lab) -> str:
    """What there is to do behind the last step of a lab: a step that was left out, or another lab."""
    done = passed_steps(lab)
    left = [step.id for step in lab.steps if step.id not in done]
    if left:
        return f"Not yet passed: {', '.join(left)}. `packetlab lab step {left[0]}` goes there."
    following = next_lab()
    then = f"`packetlab lab start {following}` is next" if following else "`packetlab lab list` shows all labs"
    return f"You have passed all {len(lab.steps)} steps. `packetlab lab stop` ends the lab, and {then}."


def save_capture(lab: str, step: str, seed: int, frames: Iterable[Frame]) -> str:
    """Writes the frames of an attempt; gives the file's path as people would type it, "" where it cannot be."""
    from packetlab.capture.writer import CaptureWriter

    path = state_folder() / "captures" / lab / f"{step}.pcapng"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with CaptureWriter(path, comments=[f"packetlab lab {lab}, step {step}, seed {seed}"]) as writer:
            writer.write_all(frames)
    except (OSError, PacketLabError):
        return ""
    home = str(Path.home())
    return "~" + str(path)[len(home) :] if str(path).startswith(home + "/") else str(path)
