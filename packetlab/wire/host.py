"""A host: somewhere sockets can be opened. The machine itself is one, and so is every host of a virtual network.

All that sends or captures takes a Host, so that the same verbs run on the real machine and in a lab.
"""

import socket
from typing import Protocol


class Host(Protocol):
    """Where traffic starts and ends."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002 - as socket.socket
        """A new socket in this host's network; raises as `socket.socket` does."""


class LocalHost:
    """The machine that packetlab runs on."""

    @property
    def name(self) -> str:
        return "this machine"

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        return socket.socket(family, type, proto)

    def __repr__(self) -> str:
        return "LocalHost()"
