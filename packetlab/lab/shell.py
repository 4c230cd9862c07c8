"""A shell on a host of the running lab, in the learner's terminal.

The lab's process starts the command, so it cannot belong to our terminal's session. It gets a terminal of its own
(pty(7)), of which this process is the other end and passes on keys and output; where our input or output is no
terminal, the command gets our own files.
"""

import fcntl
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from typing import Any

from packetlab.lab.session import session_name
from packetlab.model.errors import UsageError
from packetlab.net.control import Gone, Request, understood

# The first terminal that a session leader opens becomes its own: that is what makes Ctrl-C and job control work.
_ADOPT = 'exec 0<>"$0" 1>&0 2>&0; exec "$@"'


def run_in_host(host: str, command: Sequence[str]) -> int:
    """Runs a command (a shell, without one) on a host of the running lab with our terminal; its exit code."""
    words = list(command) or [os.environ.get("SHELL") or "/bin/sh"]
    terminal = all(os.isatty(number) for number in (0, 1, 2))
    common: dict[str, Any] = {"do": "spawn", "host": host, "env": dict(os.environ), "cwd": os.getcwd()}  # noqa: PTH109
    try:
        if not terminal:
            sys.stdout.flush()
            request = Request(session_name(), common | {"command": words}, (0, 1, 2))
            return _exit_code(understood(request.answer()))
        return _in_terminal(common, words)
    except Gone as error:
        raise UsageError(f"no lab is running ({error})", remedy="packetlab lab start LAB") from None


def _exit_code(code: int) -> int:
    return 128 - code if code < 0 else code


def _in_terminal(common: dict[str, Any], words: list[str]) -> int:
    ours, theirs = os.openpty()
    name = os.ttyname(theirs)
    _copy_size(ours)
    request = Request(session_name(), common | {"command": ["/bin/sh", "-c", _ADOPT, name, *words]}, (theirs,) * 3)
    os.close(theirs)
    before = termios.tcgetattr(0)
    old = signal.signal(signal.SIGWINCH, lambda number, frame: _copy_size(ours))
    try:
        tty.setraw(0)
        _pass_on(ours, request)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, old)
        os.close(ours)
    return _exit_code(understood(request.answer()))


def _copy_size(terminal: int) -> None:
    size = fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)


def _pass_on(ours: int, request: Request) -> None:
    """Keys there and output back, until the command has ended and all its output has come."""
    sources = [0, ours, request.fileno()]
    while True:
        ready, _, _ = select.select(sources, [], [], None)
        if ours in ready:
            try:
                data = os.read(ours, 65536)
            except OSError:  # nobody has the other end open
                return
            os.write(1, data)
        elif request.fileno() in ready:
            return
        if 0 in ready:
            keys = os.read(0, 4096)
            if not keys:
                sources.remove(0)
            while keys:
                keys = keys[os.write(ours, keys) :]
