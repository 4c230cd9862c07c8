"""Networks that other processes of this user hold: those of `packetlab net up`, and that of the running lab."""

import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packetlab.model.errors import UsageError
from packetlab.net import remote_command
from packetlab.net.channel import Channel
from packetlab.net.control import Control

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}")
_START = "start one with: packetlab net up FILE"


def _prefix() -> str:
    """How the names begin under which this user's networks listen."""
    return f"packetlab-net-{os.geteuid()}-"


def address(name: str) -> str:
    """Where a network of that name listens."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a network", remedy="as --name office: letters, digits, dots and"
                         " dashes, at most 41")  # fmt: skip
    return _prefix() + name


def running() -> list[str]:
    """The names of this user's networks that are up; inside a host, that network's own."""
    start = "@" + _prefix()
    try:
        lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    except OSError:  # inside a host, where the machine shows parts of its own /proc only
        return []
    found = {line.split()[-1] for line in lines}
    return sorted(path.removeprefix(start) for path in found if path.startswith(start))


class RemoteHost:
    """A host of a network that another process holds. Implements wire.Host."""

    def __init__(self, control: Control, name: str, cables: Sequence[Sequence[str]] = ()) -> None:
        """`cables`: (interface, neighbour, MAC address), as the network describes them."""
        self._control, self.name, self._cables = control, name, cables

    def socket(self, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM,  # noqa: A002
               proto: int = 0) -> socket.socket:  # fmt: skip
        """A socket in this host's network."""
        request = {"do": "socket", "host": self.name, "kind": [int(family), int(type), proto]}
        _, files = self._control.answer(self._control.open(request), 60)
        return socket.socket(family, type, proto, fileno=files[0])

    def interface(self, wanted: str) -> str:
        """The name of an interface, which may be given as the neighbour that its cable leads to."""
        from packetlab.wire.netlink import interfaces

        by_neighbour = {peer: name for name, peer, _ in reversed(self._cables)}
        names = [one.name for one in interfaces(self)]
        found = by_neighbour.get(wanted, wanted)
        if found not in names:
            peers = {name: f" (to {peer})" for name, peer, _ in self._cables}
            known = ", ".join(name + peers.get(name, "") for name in names)
            raise UsageError(f"{self.name} has no interface {wanted!r}", remedy=f"there are: {known}")
        return found

    def run(self, command: Sequence[str], streams: Sequence[int] = (0, 1, 2)) -> int:
        """Runs a command on our own standard streams to its end; its exit code. Ctrl-C is passed on."""
        return remote_command.run(self._control, self.name, command, streams)

    def shell(self, command: Sequence[str] = ()) -> int:
        """Gives our terminal to a shell (or another command) in this host until it ends; its exit code."""
        return remote_command.shell(self._control, self.name, command)


class RemoteNetwork:
    """A network of this user that another process holds; `name` "" is the only one there is."""

    def __init__(self, name: str = "") -> None:
        known = running()
        if not name:
            if len(known) != 1:
                some = f"there are {len(known)} networks up: {', '.join(known)}"
                raise UsageError(some if known else "no network is up", remedy=(
                    "say which: --net NAME, or packetlab net down NAME" if known else _START))
            name = known[0]
        there = f"there are: {', '.join(known)}" if known else _START
        self.name = name
        self._control = Control(address(name), f"the network {name!r}", absent=f"no network {name!r} is up",
                                remedy=there)  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Its nodes, addresses, interfaces and diagram; as "lab" the lab that it is the network of."""
        described: dict[str, Any] = self._control.ask({"do": "describe"})
        return described

    def log(self, host: str = "") -> list[dict[str, Any]]:
        """What the services of a host, or of all, have said: host, service, state, lines."""
        said: list[dict[str, Any]] = self._control.ask({"do": "log", "host": host})
        return said

    def __getitem__(self, name: str) -> RemoteHost:
        known = {str(node["name"]): node["interfaces"] for node in self.describe()["nodes"]}
        if name not in known:
            raise UsageError(f"there is no host {name!r} in {self.name}", remedy=f"there are: {', '.join(known)}")
        return RemoteHost(self._control, name, known[name])

    def until_down(self) -> Channel:
        """A connection that becomes readable when the network ends; the caller closes it."""
        return self._control.open({"do": "wait"})

    def down(self) -> None:
        """Ends it, and waits until it is gone."""
        self._control.ask({"do": "down"})
