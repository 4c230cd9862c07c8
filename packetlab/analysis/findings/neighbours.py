"""IPv6 neighbours: questions without answer, an address that somebody has already, two owners."""

import numpy as np

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.link import TWO_OWNERS
from packetlab.analysis.findings.seen import Seen, address
from packetlab.internet.icmpv6 import ICMPv6
from packetlab.link.ethernet import Ethernet

MOST_ADDRESSES = 100_000
ANSWER_TIME = 1_000_000_000
"""Nanoseconds that a host waits for an objection (RFC 4862, section 5.4: one RetransTimer)."""

UNANSWERED = Kind(
    "ndp-unanswered", "warning", "link", "Nobody has this address on the link (NDP)",
    "A host asked who has an IPv6 address and got no answer, so it could not send anything to it. The host is off, the "
    "address is wrong, or a switch does not pass multicast on.",
    "Check that the asked host is up. IPv6 asks by multicast: switches with snooping must let it through.",
    "icmpv6.type in {135 136}",
)  # fmt: skip
TAKEN = Kind(
    "ipv6-address-taken", "error", "link", "An IPv6 address is taken already",
    "A host wanted to use an IPv6 address, asked first whether somebody has it (duplicate address detection), and was "
    "told yes. It must not use it (RFC 4862, section 5.4), and may be without IPv6 now.",
    "Find out who answered and where both got the address from; virtual machines that were copied share identifiers.",
    "icmpv6.type in {135 136}",
)  # fmt: skip


class NeighbourState:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.asked: dict[tuple[bytes, bytes], list[int]] = {}
        self.probed: dict[bytes, tuple[int, int, bytes]] = {}  # packet, time, MAC
        self.known: set[bytes] = set()
        self.owners: dict[bytes, bytes] = {}

    def take(self, seen: Seen) -> None:
        found = seen.found(ICMPv6, 32)
        types = found.bytes[:, 0] if len(found) else np.empty(0, np.uint8)
        # Whoever speaks exists: also an answer that this capture did not see.
        chosen = found.chosen(((types == 135) | (types == 136)) & (found.stop - found.at >= 24))
        raw = chosen.bytes.tobytes()
        cards = np.zeros((len(seen.chunk), 6), np.uint8)
        frames = seen.found(Ethernet, 14)
        cards[frames.rows] = frames.bytes[:, 6:12]
        macs, times = cards[chosen.rows].tobytes(), seen.time[chosen.rows].tolist()
        for index, (row, (source, _)) in enumerate(zip(chosen.rows.tolist(), seen.ends(chosen.rows), strict=True)):
            kind, target = raw[32 * index], raw[32 * index + 8 : 32 * index + 24]
            if len(self.asked) + len(self.known) > MOST_ADDRESSES:
                return
            number, mac, time = seen.first + row, macs[6 * index : 6 * index + 6], times[index]
            if kind == 136:
                self.known.add(target)
                probe, when, prober = self.probed.get(target, (0, 0, mac))
                # Later, or from the same card, it is the new owner who introduces itself.
                if prober != mac and 0 <= time - when < ANSWER_TIME:
                    del self.probed[target]
                    self.notes.add_all(TAKEN, address(target), [probe, number])
                if raw[32 * index + 24 : 32 * index + 26] == b"\x02\x01":
                    self._owner(target, raw[32 * index + 26 : 32 * index + 32], number)
            elif any(source):
                self.known.add(source)
                self.asked.setdefault((source, target), []).append(number)
            else:
                self.probed[target] = (number, time, mac)

    def _owner(self, target: bytes, mac: bytes, number: int) -> None:
        before = self.owners.setdefault(target, mac)
        if before != mac:
            self.owners[target] = mac
            self.notes.add(TWO_OWNERS, address(target), number, detail=f"{before.hex(':')} and {mac.hex(':')}")

    def end(self) -> None:
        for (source, target), numbers in self.asked.items():
            if target not in self.known:
                self.notes.add_all(UNANSWERED, f"{address(source)} asks for {address(target)}", numbers)
