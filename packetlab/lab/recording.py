"""Captures on every interface of every host, with canaries.

A canary is a marked frame that the neighbour's end of a cable sends towards an interface; where it is seen, the
capture there was listening and has all that came before it. One goes past each interface when an attempt begins and
one when it ends. An interface whose canary is missing, or whose capture dropped frames, is blind for that attempt.
A canary does not go through the relay of a wire: what is still in there comes later, and labs have to wait for it.
"""

import contextlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from packetlab.lab.verdict import Seen
from packetlab.model.errors import UnreachableError
from packetlab.model.frame import Frame
from packetlab.wire.packet_socket import PacketDevice
from packetlab.wire.tap import Tap, TapPoint

if TYPE_CHECKING:
    from packetlab.net.network import Network
    from packetlab.net.topology import Port, Topology

CANARY_TYPE = b"\x88\xb5"
"""IEEE 802 local experimental EtherType 1."""
CANARY_ADDRESSES = b"\x06canary"[:6] + b"\x06bird\x00"[:6]
WORD = b"packetlab canary "
PATIENCE = 2.0
MOST_FRAMES = 200_000

Disturb = Callable[[list[Frame]], list[Frame]]
"""For the tests of labs: what a damaged sniffer makes of the frames it saw."""


def is_canary(frame: Frame) -> bool:
    """Whether it is one of ours."""
    return frame.data[12:14] == CANARY_TYPE and frame.data[14:31] == WORD


def interfaces_of(topology: "Topology") -> "dict[str, Port]":
    """The interfaces that are listened to, by their places, as "h1 eth0": all but those of switches and hubs."""
    ends = [port for pair in topology.ports() for port in pair if not port.node.is_bridge]
    return {f"{port.node.name} {port.name}": port for port in ends}


def peers_of(topology: "Topology") -> dict[tuple[str, str], str]:
    """The interface of a host that leads to a neighbour; the first, where several do."""
    found: dict[tuple[str, str], str] = {}
    for port in interfaces_of(topology).values():
        found.setdefault((port.node.name, port.peer), port.name)
    return found


class Recording:
    """Listens at every interface of a running network while the `with` block runs."""

    def __init__(self, net: "Network", disturb: Disturb | None = None) -> None:
        self.net, self.disturb = net, disturb
        self.frames: list[Frame] = []
        """Of this attempt, canaries left out, in order of arrival."""
        self.lost = 0
        self.span = (0, 0)
        self.unmarked: dict[str, str] = {}
        """Interfaces past which the last canary did not come, and why."""
        self.peers = peers_of(net.topology)
        self._stack = contextlib.ExitStack()
        self._senders: dict[str, PacketDevice] = {}
        self._seen: list[Seen] = []
        self._known: dict[int, Seen] = {}

    def __enter__(self) -> "Recording":
        points = []
        try:
            for place, port in interfaces_of(self.net.topology).items():
                points.append(TapPoint(place, self.net[port.node.name], port.name))
                self._senders[place] = self._stack.enter_context(self._opposite(port.node.name, port.peer))
            self.places = [*self._senders]
            self.tap = self._stack.enter_context(Tap(points))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _opposite(self, name: str, peer: str) -> PacketDevice:
        """The other end of a cable; of a wire, its relay's end. Sends only: protocol 0 receives nothing."""
        for wire in self.net._wires:
            if {wire.near, wire.far} == {name, peer}:
                return PacketDevice("near" if wire.near == name else "far", wire, protocol=0, buffer=4096)
        return PacketDevice(self.net[peer].port(name).name, self.net[peer], protocol=0, buffer=4096)

    def poll(self) -> list[Frame]:
        """Collect what has arrived; gives all frames of this attempt."""
        self._collect(self.tap.take())
        return self.frames

    def _collect(self, taken: list[Frame]) -> list[Frame]:
        """Keeps the frames and gives the canaries."""
        if self.disturb:
            taken = self.disturb(taken)
        canaries = [frame for frame in taken if is_canary(frame)]
        others = [frame for frame in taken if not is_canary(frame)]
        room = MOST_FRAMES - len(self.frames)
        self.frames += others[:room]
        self.lost += self.tap.lost + max(0, len(others) - room)
        self.tap.lost = 0
        return canaries

    def seen(self) -> list[Seen]:
        """The frames until now, in order of time and numbered; each is taken apart once, however often it is asked."""
        frames = self.poll()
        if len(self._seen) != len(frames):
            known, self._known, self._seen = self._known, {}, []
            for number, frame in enumerate(sorted(frames, key=lambda frame: frame.time), 1):
                seen = known.get(id(frame))
                if seen is None or seen.number != number:
                    seen = Seen(replace(frame, number=number), frame.interface, seen.packet if seen else None)
                self._known[id(frame)] = seen
                self._seen.append(seen)
        return self._seen

    def mark(self) -> dict[str, int]:
        """A canary past every interface: when each was seen. Sets `unmarked` for those that were not."""
        nonce = secrets.token_hex(8).encode()
        self.unmarked = {}
        waiting = set()
        for label, device in self._senders.items():
            try:
                device.send((CANARY_ADDRESSES + CANARY_TYPE + WORD + nonce + b" " + label.encode()).ljust(60, b"\0"))
                waiting.add(label)
            except UnreachableError as error:
                self.unmarked[label] = str(error)
        seen: dict[str, int] = {}

        def complete(frames: Iterable[Frame]) -> bool:
            for frame in frames:
                if is_canary(frame) and nonce in frame.data and frame.direction == "in":
                    seen.setdefault(frame.interface, frame.time)
            return waiting <= seen.keys()

        taken = self.tap.take(complete, PATIENCE if not self.disturb else 0.1)
        seen.clear()
        complete(self._collect(taken))
        for label in waiting - seen.keys():
            self.unmarked[label] = "a marked frame that was sent past it was not seen (is a link down?)"
        return seen

    def begin(self) -> None:
        """Forget what came until now; an attempt begins."""
        seen = self.mark()
        self.frames, self.lost = [], 0
        self._seen, self._known = [], {}
        self._blind = dict(self.unmarked)
        self.span = (max(seen.values(), default=0), 0)

    def finish(self) -> tuple[list[Frame], dict[str, str]]:
        """The frames of the attempt, numbered in order of time, and which interfaces are blind, and why."""
        seen = self.mark()
        blind = self._blind | self.unmarked
        if self.lost:
            blind |= dict.fromkeys(self.places, f"{self.lost} frames were dropped: they came too fast")
        self.span = (self.span[0], min(seen.values(), default=0))
        return numbered(self.frames), blind


def numbered(frames: Iterable[Frame]) -> list[Frame]:
    """In order of time, with numbers from 1."""
    ordered = sorted(frames, key=lambda frame: frame.time)
    return [replace(frame, number=number) for number, frame in enumerate(ordered, 1)]
