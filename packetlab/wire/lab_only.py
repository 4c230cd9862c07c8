"""Floods and false claims harm others: they are for networks that packetlab made, and refused anywhere else.

A host object of packetlab.net is such a network. A command started in one finds the host's name in its
environment and, because it has a UTS namespace of its own, as the machine's name; its network namespace is
another than that of the machine's first process. This guards against accidents, not against malice.
"""

import os
import socket
from pathlib import Path

from packetlab.model.errors import UsageError
from packetlab.wire.host import Host, LocalHost


def in_lab(via: Host | None) -> bool:
    """Whether sockets of `via` (None: of this process) are inside a network that packetlab made."""
    if via is not None and not isinstance(via, LocalHost):
        return type(via).__module__.startswith("packetlab.")
    name = os.environ.get("PACKETLAB_HOST")
    if not name or socket.gethostname() != name:
        return False
    try:
        return Path("/proc/self/ns/net").stat().st_ino != Path("/proc/1/ns/net").stat().st_ino
    except OSError:
        return True  # the first process belongs to somebody else: not ours, so not our namespace


def require_lab(via: Host | None, what: str) -> None:
    """UsageError where this is a real network; `what` begins the sentence."""
    if not in_lab(via):
        raise UsageError(
            f"{what} only inside a virtual network that packetlab made",
            remedy="run it in a lab: `packetlab lab shell HOST` opens one",
        )
