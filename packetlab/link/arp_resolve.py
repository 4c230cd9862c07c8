"""What one does with ARP: resolve an address, scan a network, probe for a free address, announce one's own.

Resolving and scanning are RFC 826; probing and announcing follow RFC 5227 (IPv4 address conflict detection),
whose constants stand here under their names. Whoever shows a sender address in any ARP packet claims it.
"""

import random
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import BROADCAST_MAC
from packetlab.model.conversation import Conversation, Step
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet

SECOND = 1_000_000_000
REQUEST, REPLY = 1, 2
NO_MAC, NO_ADDRESS = bytes(6), bytes(4)

# RFC 5227 section 1.1, in seconds
PROBE_WAIT, PROBE_NUM, PROBE_MIN, PROBE_MAX, ANNOUNCE_WAIT = 1.0, 3, 1.0, 2.0, 2.0
ANNOUNCE_NUM, ANNOUNCE_INTERVAL = 2, 2.0


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody said: this address is mine."""

    address: bytes
    mac: bytes
    time: int
    rtt: int | None = None
    """Nanoseconds since our (last) question about that address; None where we asked nothing."""
    kind: Literal["reply", "request", "probe", "announcement"] = "reply"
    """What the packet was in which it said so; "probe": it is about to claim it."""
    contradicts: bytes = b""
    """Another MAC address that claimed the same before: two machines have one address."""


class _ARP(Conversation):
    """What they share: our MAC and IPv4 address, when we asked, and who claimed what."""

    def __init__(self, mac: bytes, source: bytes) -> None:
        self.mac, self.source = mac, source
        self.asked: dict[bytes, int] = {}
        self.claims: dict[bytes, Claim] = {}
        self.deadline: int | None = None

    def request(self, target: bytes, sender: bytes) -> Packet:
        """A broadcast question about `target`."""
        header = ARP(operation=REQUEST, sender_hardware=self.mac, sender_protocol=sender, target_protocol=target)
        return Ethernet(dst=BROADCAST_MAC, src=self.mac) / header

    def sent(self, packet: Packet, frame: Frame) -> None:
        """The exact time of a question."""
        arp = packet.get(ARP)
        if arp is not None and arp.sender_hardware == self.mac:
            self.asked[arp.target_protocol] = frame.time

    def receive(self, packet: Packet, frame: Frame) -> Step:
        """Any frame of the link."""
        arp = packet.get(ARP)
        if type(arp) is not ARP or arp.sender_hardware == self.mac:
            return Step(deadline=self.deadline)
        address = arp.sender_protocol
        kind: Literal["reply", "request", "probe", "announcement"] = "reply" if arp.operation == REPLY else "request"
        if address == NO_ADDRESS:
            address, kind = arp.target_protocol, "probe"
        elif address == arp.target_protocol:
            kind = "announcement"
        before = self.claims.get(address)
        asked = self.asked.get(address)
        claim = Claim(
            address, arp.sender_hardware, frame.time,
            max(0, frame.time - asked) if asked is not None and kind == "reply" else None, kind,
            before.mac if before is not None and before.mac != arp.sender_hardware else b"",
        )  # fmt: skip
        return self.claimed(claim, before)

    @abstractmethod
    def claimed(self, claim: Claim, before: Claim | None) -> Step:
        """Somebody claimed an address, perhaps after another did."""

    def remember(self, claim: Claim) -> None:
        """Keep the first claim of each address that we asked about: a stranger cannot fill the table."""
        if claim.address in self.asked:
            self.claims.setdefault(claim.address, claim)


class Resolve(_ARP):
    """Ask for one address `tries` times, a second apart, until it answers; then wait `settle` for a second answer.

    Events: Claims by reply. `frame`-exact times of the questions come through `sent`.
    """

    def __init__(
        self, mac: bytes, source: bytes, target: bytes, *, tries: int = 3, interval: float = 1.0, settle: float = 0.1
    ) -> None:
        super().__init__(mac, source)
        self.target, self.left, self.interval, self.settle = target, tries, interval, settle
        self.seen: set[bytes] = set()

    def begin(self, now: int) -> Step:
        """The first question."""
        return self._ask(now)

    def _ask(self, now: int) -> Step:
        self.left -= 1
        self.asked[self.target] = now
        self.deadline = now + int(self.interval * SECOND)
        return Step([self.request(self.target, self.source)], deadline=self.deadline)

    def claimed(self, claim: Claim, before: Claim | None) -> Step:
        """The answer, or one more by another machine."""
        if claim.address != self.target or claim.kind == "probe" or claim.mac in self.seen or len(self.seen) > 100:
            return Step(deadline=self.deadline)
        self.seen.add(claim.mac)
        self.remember(claim)
        if before is None:
            self.deadline, self.left = claim.time + int(self.settle * SECOND), 0
        return Step(events=[claim], deadline=self.deadline)

    def expire(self, now: int) -> Step:
        """Ask again, or be done."""
        return self._ask(now) if self.left > 0 and not self.seen else Step(done=True)


class Scan(_ARP):
    """Ask for every address of `targets`, `rate` questions a second, the silent ones `tries` times.

    Events: Claims, the first of each machine for each address.
    """

    def __init__(
        self, mac: bytes, source: bytes, targets: Sequence[bytes], *, rate: float = 1000, tries: int = 2,
        timeout: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__(mac, source)
        self.targets, self.timeout, self.tries = targets, timeout, tries
        self.batch = max(1, round(rate / 100))
        self.pause = int(SECOND * self.batch / rate)
        self.wanted = frozenset(targets)
        self.queue: list[bytes] = []
        self.rounds = 0
        self.seen: set[tuple[bytes, bytes]] = set()

    def begin(self, now: int) -> Step:
        """The first questions."""
        return self._more(now)

    def _more(self, now: int) -> Step:
        if not self.queue:
            if self.rounds >= self.tries:
                return Step(done=True)
            self.rounds += 1
            self.queue = [each for each in self.targets if each not in self.claims][::-1]
            if not self.queue:
                return Step(done=True)
        batch = [self.queue.pop() for _ in range(min(self.batch, len(self.queue)))]
        self.asked.update(dict.fromkeys(batch, now))
        self.deadline = now + (self.pause if self.queue else int(self.timeout * SECOND))
        return Step([self.request(each, self.source) for each in batch], deadline=self.deadline)

    def claimed(self, claim: Claim, before: Claim | None) -> Step:
        """A machine is there; one that speaks for itself counts as well."""
        known = (claim.address, claim.mac)
        if claim.address not in self.wanted or claim.kind == "probe" or known in self.seen:
            return Step(deadline=self.deadline)
        if len(self.seen) < 2 * len(self.wanted):
            self.seen.add(known)
            self.claims.setdefault(claim.address, claim)
            return Step(events=[claim], deadline=self.deadline)
        return Step(deadline=self.deadline)

    def expire(self, now: int) -> Step:
        """The next questions."""
        return self._more(now)


class Probe(_ARP):
    """Is `target` free? RFC 5227 section 2.1.1: three probes from 0.0.0.0, and two seconds of listening after.

    The one event, if any, is the Claim that makes it a conflict; no event means that the address is free.
    `chance` gives numbers from 0 to 1 for the random waits.
    """

    def __init__(self, mac: bytes, target: bytes, *, chance: random.Random | None = None) -> None:
        super().__init__(mac, NO_ADDRESS)
        self.target, self.left = target, PROBE_NUM
        self.chance = chance or random.Random()

    def begin(self, now: int) -> Step:
        """Wait at random, so that hosts switched on together do not ask together."""
        self.deadline = now + int(self.chance.uniform(0, PROBE_WAIT) * SECOND)
        return Step(deadline=self.deadline)

    def expire(self, now: int) -> Step:
        """The next probe, or the end."""
        if not self.left:
            return Step(done=True)
        self.left -= 1
        self.asked[self.target] = now
        wait = self.chance.uniform(PROBE_MIN, PROBE_MAX) if self.left else ANNOUNCE_WAIT
        self.deadline = now + int(wait * SECOND)
        return Step([self.request(self.target, NO_ADDRESS)], deadline=self.deadline)

    def claimed(self, claim: Claim, before: Claim | None) -> Step:
        """Any ARP packet with that sender address, or another host's probe for it, is a conflict."""
        if claim.address != self.target:
            return Step(deadline=self.deadline)
        self.claims[claim.address] = claim
        return Step(events=[claim], done=True)


class Announce(_ARP):
    """Tell the link that `address` is ours (RFC 5227 section 2.3): two announcements, two seconds apart.

    Events: Claims of others to that address, each a conflict.
    """

    def __init__(self, mac: bytes, address: bytes, *, count: int = ANNOUNCE_NUM) -> None:
        super().__init__(mac, address)
        self.left = count

    def begin(self, now: int) -> Step:
        """The first announcement."""
        return self.expire(now)

    def expire(self, now: int) -> Step:
        """The next, or the end."""
        if not self.left:
            return Step(done=True)
        self.left -= 1
        wait = ANNOUNCE_INTERVAL if self.left else 0.2
        self.deadline = now + int(wait * SECOND)
        return Step([self.request(self.source, self.source)], deadline=self.deadline)

    def claimed(self, claim: Claim, before: Claim | None) -> Step:
        """Somebody else has it."""
        if claim.address != self.source or (before is not None and before.mac == claim.mac):
            return Step(deadline=self.deadline)
        self.claims[claim.address] = claim
        return Step(events=[claim], deadline=self.deadline)
