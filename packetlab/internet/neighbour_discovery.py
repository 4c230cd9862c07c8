"""What one does with neighbour discovery (RFC 4861): resolve an IPv6 address, and see whether one is free.

`Solicit` asks as a host does that has an address; with `probe` it asks from the unspecified address, as
duplicate address detection does (RFC 4862 section 5.4), and any claim is a conflict. Packets that do not have
hop limit 255 crossed a router, which no honest neighbour's does, and are left alone (RFC 4861 section 7.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from packetlab.internet.icmpv6 import (
    NeighbourAdvertisement,
    NeighbourSolicitation,
    SourceLinkLayerAddress,
    TargetLinkLayerAddress,
)
from packetlab.internet.ipv6 import IPv6
from packetlab.link.ethernet import Ethernet
from packetlab.model.conversation import Conversation, Step
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet

SECOND = 1_000_000_000
UNSPECIFIED = bytes(16)
HOP_LIMIT = 255
RETRANS_TIMER, MAX_MULTICAST_SOLICIT, DUP_ADDR_DETECT_TRANSMITS = 1.0, 3, 1


def solicited_node(address: bytes) -> bytes:
    """The multicast group that every owner of an address listens to: ff02::1:ff and its last three bytes."""
    return bytes.fromhex("ff0200000000000000000001ff") + address[-3:]


def multicast_mac(group: bytes) -> bytes:
    """The MAC address of an IPv6 multicast group: 33:33 and its last four bytes (RFC 2464 section 7)."""
    return b"\x33\x33" + group[-4:]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Somebody has the address, or is about to take it."""

    address: bytes
    mac: bytes
    """From the option of the message; the frame's source where it has none."""
    time: int
    rtt: int | None = None
    kind: Literal["advertisement", "probe"] = "advertisement"
    router: bool = False
    solicited: bool = False
    override: bool = False
    contradicts: bytes = b""
    """Another MAC address that claimed it before."""


class Solicit(Conversation):
    """Ask for `target` up to `tries` times; then wait `settle` seconds for a second, different answer.

    Events: Neighbours. With `probe` the first one ends it; no event means that nobody has the address.
    """

    def __init__(
        self, mac: bytes, source: bytes, target: bytes, *, tries: int = MAX_MULTICAST_SOLICIT,
        interval: float = RETRANS_TIMER, settle: float = 0.1, probe: bool = False,
    ) -> None:  # fmt: skip
        self.mac, self.source, self.target = mac, UNSPECIFIED if probe else source, target
        self.left, self.interval, self.settle, self.probe = tries, interval, settle, probe
        self.asked = 0
        self.seen: list[bytes] = []
        self.deadline: int | None = None

    def begin(self, now: int) -> Step:
        """The first question."""
        self.left -= 1
        self.asked = now
        self.deadline = now + int(self.interval * SECOND)
        return Step([self.solicitation()], deadline=self.deadline)

    def expire(self, now: int) -> Step:
        """Ask again, or be done."""
        return self.begin(now) if self.left > 0 and not self.seen else Step(done=True)

    def solicitation(self) -> Packet:
        """The question, to the solicited-node group of the target."""
        group = solicited_node(self.target)
        # "MUST NOT be included when the source IP address is the unspecified address."
        options: Sequence[SourceLinkLayerAddress] = () if self.probe else (SourceLinkLayerAddress(address=self.mac),)
        return (
            Ethernet(dst=multicast_mac(group), src=self.mac)
            / IPv6(src=self.source, dst=group, hop_limit=HOP_LIMIT)
            / NeighbourSolicitation(target=self.target, options=tuple(options))
        )

    def sent(self, packet: Packet, frame: Frame) -> None:
        """The exact time of a question."""
        if NeighbourSolicitation in packet:
            self.asked = frame.time

    def receive(self, packet: Packet, frame: Frame) -> Step:
        """An answer, another host's probe, or anything else."""
        here = Step(deadline=self.deadline)
        ip, link = packet.get(IPv6), packet.get(Ethernet)
        if ip is None or link is None or ip.hop_limit != HOP_LIMIT or link.src == self.mac:
            return here
        answer, question = packet.get(NeighbourAdvertisement), packet.get(NeighbourSolicitation)
        if answer is not None and answer.target == self.target:
            option = next((each for each in answer.options if isinstance(each, TargetLinkLayerAddress)), None)
            mac = option.address if option is not None else link.src
            found = Neighbour(
                self.target, mac, frame.time, max(0, frame.time - self.asked), "advertisement", bool(answer.router),
                bool(answer.solicited), bool(answer.override), self._other(mac),
            )  # fmt: skip
        elif self.probe and question is not None and question.target == self.target and ip.src == UNSPECIFIED:
            found = Neighbour(self.target, link.src, frame.time, None, "probe")
        else:
            return here
        if found.mac in self.seen or len(self.seen) > 100:
            return here
        if not self.seen:
            self.deadline = frame.time + int(self.settle * SECOND)
        self.seen.append(found.mac)
        return Step(events=[found], deadline=self.deadline, done=self.probe)

    def _other(self, mac: bytes) -> bytes:
        return next((each for each in self.seen if each != mac), b"")
