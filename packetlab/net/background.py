"""Going to the background: a process of its own that outlives the command, without its terminal and its files.

It is forked, so that nothing is imported anew (0.3 s) and what the command has read is there. That is sound as long
as the command has one thread; Python 3.12 and later warn where it has more.
"""

import contextlib
import json
import os
import select
import selectors
import threading
import time
from collections.abc import Callable
from typing import Any

from packetlab.model.errors import PacketLabError
from packetlab.net.channel import as_message, value_of


def in_background(main: Callable[[Callable[[], None]], None], patience: float = 60) -> int:
    """Runs `main(ready)` in a new process, and returns its process id once it calls `ready`.

    What it raises before is raised here. Where we end before it is ready, or lose patience (s), it ends at once, in
    the middle of whatever it does.
    """
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_process(main, writable)
    os.close(writable)
    with os.fdopen(readable, "rb", 0) as pipe:
        os.waitpid(child, 0)
        data, deadline = b"", time.monotonic() + patience
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while selector.select(max(0, deadline - time.monotonic())):
                piece = pipe.read(65536)
                data += piece
                if not piece or piece.endswith(b"\n"):
                    break
            else:
                raise PacketLabError(f"it was not ready after {patience:g} s", remedy="packetlab doctor")
    if not data:
        raise PacketLabError("the process in the background ended before it was ready", remedy="packetlab doctor")
    return int(value_of(json.loads(data)))


def _be_the_process(main: Callable[[Callable[[], None]], None], writable: int) -> None:
    code, told = 1, False

    def tell(message: dict[str, Any]) -> None:
        nonlocal told
        told = True
        try:
            os.write(writable, json.dumps(message).encode() + b"\n")
        finally:
            os.close(writable)

    try:
        os.setsid()
        if os.fork():
            os._exit(0)  # the one that stays shall be no session leader: it could get a terminal by opening one
        _let_go_of_files(writable)
        os.chdir("/")
        threading.Thread(target=_until_nobody_waits, args=(writable, lambda: told), daemon=True).start()
        try:
            main(lambda: tell({"ok": os.getpid()}))
            code = 0
        except Exception as error:
            if not told:
                tell(as_message(error))
    finally:
        os._exit(code)


def _until_nobody_waits(writable: int, is_told: Callable[[], bool]) -> None:
    """Ends this process where the other one has gone before it was told: nobody knows of what we would hold."""
    poll = select.poll()
    poll.register(writable, 0)  # the error that a pipe without a reader has is always reported
    poll.poll()
    if not is_told():
        os._exit(1)


def _let_go_of_files(kept: int) -> None:
    """Somebody may wait for the end of a pipe that we inherited. The numbers stay taken: objects here know them."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:  # noqa: PTH208 - numbers
        with contextlib.suppress(OSError):  # the one that listed them
            os.fstat(descriptor)
            if descriptor not in (kept, null):
                os.dup2(null, descriptor, inheritable=descriptor < 3)
    os.close(null)
