"""Starting a lab and asking it: what commands do. It is answered by session.py, which takes longer to import."""

import os
from collections.abc import Callable
from typing import Any

from packetlab.lab import storage
from packetlab.lab.format import find_lab
from packetlab.model.errors import UsageError
from packetlab.net.background import in_background
from packetlab.net.channel import Gone
from packetlab.net.control import Control


def session_name() -> str:
    """The name under which this user's lab listens; one for each state folder."""
    from zlib import crc32

    return f"packetlab-{os.geteuid()}-{crc32(str(storage.state_folder()).encode()):08x}"


def control() -> Control:
    """How to reach the running lab."""
    return Control(session_name(), "the lab", absent="no lab is running", remedy="packetlab lab start LAB")


def request(do: str, **arguments: Any) -> Any:
    """Asks the running lab; UsageError where none runs."""
    return control().ask({"do": do, **arguments})


def start_session(name: str, seed: int | None, *, force_replay: bool = False) -> None:
    """Starts a lab in the background and returns when it is ready."""
    lab = find_lab(name)
    try:
        running = request("status")["lab"]
    except Gone:
        pass
    else:
        raise UsageError(f"the lab {running} is running", remedy="packetlab lab stop ends it; your progress is kept")

    from packetlab.lab.session import Session

    def main(ready: Callable[[], None]) -> None:
        session = Session(lab, seed, force_replay=force_replay)
        try:
            ready()
        except BrokenPipeError:  # who has started it does not wait any more
            session.close()
        else:
            session.serve()

    in_background(main)
