"""A conversation: the logic of an exchange, without sockets and without a clock of its own.

Ping, ARP resolution, a handshake, a DNS query: each is a Conversation in its protocol's file. Packets and
the time go in, packets, events and the next deadline come out. The same object runs over a raw socket, a
virtual network, an in-memory wire or a replayed capture (wire/loop.py), and its tests need neither sleep nor
privilege. All times are nanoseconds since 1970 of one clock, which never runs backwards here.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from packetlab.model.frame import Frame
from packetlab.model.packet import Packet


@dataclass(frozen=True, slots=True)
class Step:
    """What a conversation wants after something happened."""

    send: Sequence[Packet] = ()
    """Packets to send now, in this order."""
    events: Sequence[Any] = ()
    """What its user should know: frozen dataclasses of the protocol's file."""
    deadline: int | None = None
    """When to call `expire` if nothing arrives before; None: only a packet can go on with it."""
    done: bool = False
    """Nothing more will come of it."""


class Conversation(ABC):
    """One exchange. The loop calls `begin` once, then `receive` and `expire` until a Step is done."""

    @abstractmethod
    def begin(self, now: int) -> Step:
        """Start: the first packets and the first deadline."""

    @abstractmethod
    def receive(self, packet: Packet, frame: Frame) -> Step:
        """A packet arrived (`frame` has its bytes and the time at which it did). It may be none of ours."""

    @abstractmethod
    def expire(self, now: int) -> Step:
        """The deadline passed."""

    def sent(self, packet: Packet, frame: Frame) -> None:  # noqa: B027 - most conversations need not know
        """A packet left, at the frame's time; more exact than the time at which it was asked for."""

    def stop(self, now: int) -> Step:
        """The user interrupts: say what there is to say (a summary, a RST), and be done."""
        return Step(done=True)
