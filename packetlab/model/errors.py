"""What our caller did wrong, or what the machine cannot do: one small tree of exceptions.

What a *peer* did wrong is never an exception but a Fault on the packet (model/packet.py). Every error here
knows its cause and a remedy, and the exit code with which a command should end, so that the command line
prints one clear sentence and no traceback.
"""

from typing import ClassVar


class PacketLabError(Exception):
    """An error with a cause (`str(error)`) and, where there is one, something to try (`error.remedy`)."""

    exit_code: ClassVar[int] = 1

    def __init__(self, cause: str, *, remedy: str = "") -> None:
        super().__init__(cause)
        self.remedy = remedy


class UsageError(PacketLabError, ValueError):
    """The caller asked for something that cannot be: a bad value, a name that does not exist."""

    exit_code = 2


class PrivilegeError(PacketLabError, PermissionError):
    """The operating system forbids what was asked; the remedy names the ways to get it."""

    exit_code = 3


class UnreachableError(PacketLabError):
    """The traffic cannot leave this host: unknown name, no route, no such interface, wrong address family."""


class CaptureError(PacketLabError):
    """A file that is no capture, or one that cannot be read or written at all. Damage inside is no error."""


class NamespaceError(PrivilegeError):
    """This machine does not let us make virtual networks; the remedy names the exact fix."""
