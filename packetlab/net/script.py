"""Starting a small Python process of our own: its compiled code travels over the socket by which it is controlled.

Python keeps no bytecode of what it runs as a script, so `python holder.py` would compile the file anew each time
(2 of some 9 ms). Here the code is compiled, or read from the usual cache, once in the life of our process.
"""

import marshal
import sys
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path

_LOADER = """import _socket, marshal, sys
start = _socket.socket(fileno=int(sys.argv[1]))
code = marshal.loads(start.recv(1000000))
start.detach()
exec(code)"""


@cache
def code_of(script: Path) -> bytes:
    """What the new process expects as the first message on its socket."""
    name = f"packetlab.net.{script.stem}"
    return marshal.dumps(SourceFileLoader(name, str(script)).get_code(name))


def command(script: Path, control: int, *arguments: str) -> list[str]:
    """The command line; the process finds `control`, the descriptor of its socket, as sys.argv[1], then the others.

    The socket must keep the bounds of messages. The name of the script comes last, for those who list processes.
    """
    return [sys.executable, "-I", "-S", "-c", _LOADER, str(control), *arguments, str(script)]
