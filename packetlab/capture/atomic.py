"""Files that appear whole or not at all.

What is written goes to a hidden file next to its target and takes the target's name once it is complete. An
error, Ctrl-C or a crash on the way leaves whatever stood there before.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from packetlab.capture.source import CapturePath
from packetlab.model.errors import CaptureError


@contextmanager
def appearing(target: CapturePath | BinaryIO) -> Iterator[CapturePath | BinaryIO]:
    """Yields what to write to: a hidden file with the target's suffixes, renamed at the end of the block.

    "-", file objects, and paths that are no regular files (pipes, devices) are yielded as they are.
    """
    if not isinstance(target, str | os.PathLike) or str(target) == "-":
        yield target
        return
    path = Path(target).resolve()  # a link keeps pointing to its file
    with suppress(OSError):
        if not stat.S_ISREG(path.stat().st_mode):
            yield target
            return
    hidden = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield hidden
        renamed(hidden, path)
    finally:
        with suppress(OSError):
            hidden.unlink()


def renamed(hidden: Path, path: Path) -> None:
    """Gives a complete file its name; CaptureError where that is not possible."""
    try:
        hidden.replace(path)
    except OSError as error:
        cause = f"{path} cannot be written: {error.strerror or error}"
        raise CaptureError(cause, remedy="check the directory and its permissions") from None
