"""A host: somewhere sockets can be opened. The machine itself is one, and so is every host of a virtual network.

All that sends or captures takes a Host, so that the same verbs run on the real machine and in a lab.
"""

import socket
from typing import Protocol, runtime_checkable


class Host(Protocol):
    """Where traffic starts and ends."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002 - as socket.socket
        """A new socket in this host's network; raises as `socket.socket` does."""


@runtime_checkable
class KnowsNames(Protocol):
    """A host with names of its own, as those of virtual networks are; this machine's are asked of the system."""

    def own_names(self, name: str) -> list[str]:
        """Addresses that the host itself has for a name, as in /etc/hosts; empty where it has none."""

    def name_servers(self) -> list[str]:
        """Addresses of the DNS servers that it asks, as in /etc/resolv.conf."""


class LocalHost:
    """The machine that packetlab runs on."""

    @property
    def name(self) -> str:
        return "this machine"

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        return socket.socket(family, type, proto)

    def __repr__(self) -> str:
        return "LocalHost()"
