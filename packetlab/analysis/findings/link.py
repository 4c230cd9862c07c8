"""The link: ARP questions without answer, addresses with two owners, changes of owner, storms of broadcasts."""

from dataclasses import dataclass

import numpy as np

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Seen, address
from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet

MOST_ADDRESSES = 100_000
"""IP addresses and questions that are remembered."""
STORM = 1000
"""Broadcasts in one second that are a storm, if they are also half of all frames."""
CHANGE = 5_000_000_000
"""Nanoseconds: two answers nearer than this are two owners, later ones a change of owner."""

UNANSWERED = Kind(
    "arp-unanswered", "warning", "link", "Nobody has this address on the link (ARP)",
    "A host asked who has an IP address and got no answer, so it could not send anything to it. The host is off, the "
    "address is wrong, a netmask is wrong (the address is not on this link at all), or it is in another VLAN.",
    "Check that address and netmask of both hosts fit and that the asked one is up. Where one host asks for many "
    "addresses in turn, it is looking for hosts (a scan).", "arp",
)  # fmt: skip
TWO_OWNERS = Kind(
    "duplicate-address", "error", "link", "Two hosts claim one IP address",
    "Different network cards say that they have the same IP address, at the same time. Packets reach now one, now the "
    "other; connections hang or break. Either an address was given twice, or somebody pretends (ARP spoofing). "
    "Routers that share an address on purpose (VRRP, HSRP) do not show this: only one answers at a time.",
    "Find both cards by their MAC addresses in the switch's table. Is one of them the gateway's address? Then suspect "
    "spoofing.", "arp.opcode == 2",
)  # fmt: skip
MOVED = Kind(
    "address-moved", "note", "link", "An IP address changed its network card",
    "Another MAC address than before says that it has this IP address: a card was replaced, a standby took over, an "
    "address was given to another host - or somebody took it.",
    "Was something replaced or failed over at that time? If not, treat it as two hosts with one address.", "arp",
)  # fmt: skip
MANY = Kind(
    "arp-many-addresses", "warning", "link", "One card answers for many addresses",
    "A single network card says that it has many IP addresses. Routers do that on purpose (proxy ARP); otherwise "
    "somebody draws the traffic of others to himself (ARP spoofing).",
    "Is this card a router's, and is proxy ARP wanted there?", "arp.opcode == 2",
)  # fmt: skip
SCAN = Kind(
    "arp-scan", "note", "link", "One host asks for many addresses (ARP)",
    "A host asked for many addresses of the link within a short time: it looks for others. Management tools do that, "
    "and so does an intruder who wants to know what there is.",
    "Find out what runs on that host.", "arp.opcode == 1",
)  # fmt: skip
BROADCASTS = Kind(
    "broadcast-storm", "error", "link", "A storm of broadcasts",
    "More than a thousand frames in a second went to everybody, and they were most of the traffic. Every host has to "
    "read each of them. Usually switches are cabled in a loop and no spanning tree stops the frames from circling.",
    "Are the frames equal to each other? Then look for a loop: unplug cables one by one, or switch spanning tree on.",
    "eth.dst == ff:ff:ff:ff:ff:ff",
)  # fmt: skip

MANY_ADDRESSES, MANY_QUESTIONS = 20, 30


@dataclass(slots=True)
class _Question:
    packets: list[int]
    count: int


class ARPState:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.owners: dict[bytes, dict[bytes, tuple[int, int]]] = {}  # IP: MAC: last time and packet
        self.asked: dict[tuple[bytes, bytes], _Question] = {}
        self.answered: set[bytes] = set()

    def take(self, seen: Seen) -> None:
        found = seen.found(ARP, 28)
        sound = (found.bytes[:, 4] == 6) & (found.bytes[:, 5] == 4) & (found.body <= found.stop)
        found = found.chosen(sound)
        raw = found.bytes.tobytes()
        times = seen.time[found.rows].tolist()
        for index, (row, time) in enumerate(zip(found.rows.tolist(), times, strict=True)):
            at = 28 * index
            operation = raw[at + 7]
            mac, sender, target = raw[at + 8 : at + 14], raw[at + 14 : at + 18], raw[at + 24 : at + 28]
            if sender != b"\0\0\0\0" and any(mac):
                self._claim(sender, mac, time, seen.first + row, operation == 2 or sender == target)
            if operation == 1 and sender != target:
                self._ask(sender, target, seen.first + row)

    def _ask(self, sender: bytes, target: bytes, number: int) -> None:
        question = self.asked.get((sender, target))
        if question is None:
            if len(self.asked) >= MOST_ADDRESSES:
                return
            question = self.asked[sender, target] = _Question([], 0)
        question.count += 1
        if len(question.packets) < 8:
            question.packets.append(number)

    def _claim(self, owner: bytes, mac: bytes, time: int, number: int, is_answer: bool) -> None:
        if len(self.owners) >= MOST_ADDRESSES and owner not in self.owners:
            return
        self.answered.add(owner)
        known = self.owners.setdefault(owner, {})
        if known and mac not in known:
            other, (when, before) = max(known.items(), key=lambda item: item[1][0])
            if abs(time - when) < CHANGE and is_answer:
                detail = f"{other.hex(':')} and {mac.hex(':')}"
                self.notes.add(TWO_OWNERS, address(owner), before, detail=detail)
                self.notes.add(TWO_OWNERS, address(owner), number, detail=detail)
            else:
                self.notes.add(MOVED, address(owner), number, detail=f"from {other.hex(':')} to {mac.hex(':')}")
        elif len(known) > 1:
            newest = max(known.items(), key=lambda item: item[1][0])
            if newest[0] != mac and abs(time - newest[1][0]) < CHANGE:
                self.notes.add(TWO_OWNERS, address(owner), number)
        if len(known) < 8 or mac in known:
            known[mac] = (time, number)

    def end(self) -> None:
        by_sender: dict[bytes, list[tuple[bytes, _Question]]] = {}
        for (sender, target), question in self.asked.items():
            if target not in self.answered:
                by_sender.setdefault(sender, []).append((target, question))
        for sender, questions in by_sender.items():
            if len(questions) >= MANY_QUESTIONS:
                numbers = [question.packets[0] for _, question in questions]
                self.notes.add_all(SCAN, address(sender), numbers, detail=f"{len(questions)} addresses without answer")
                continue
            for target, question in questions:
                who = "a host without address yet" if sender == b"\0\0\0\0" else address(sender)
                about = f"{who} asks for {address(target)}"
                if sender == b"\0\0\0\0":
                    continue  # a probe before taking an address (RFC 5227): no answer is what it hopes for
                self.notes.add_all(UNANSWERED, about, question.packets)
                self.notes.add(UNANSWERED, about, count=question.count - len(question.packets))
        cards: dict[bytes, list[bytes]] = {}
        for owner, macs in self.owners.items():
            for mac in macs:
                cards.setdefault(mac, []).append(owner)
        for mac, owned in cards.items():
            if len(owned) >= MANY_ADDRESSES:
                numbers = sorted(self.owners[owner][mac][1] for owner in owned)
                self.notes.add_all(MANY, mac.hex(":"), numbers, detail=f"{len(owned)} addresses")


class Storms:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.second = -1
        self.all = self.broadcast = 0
        self.example: list[int] = []

    def take(self, seen: Seen) -> None:
        found = seen.found(Ethernet, 14)
        if not len(found):
            return
        seconds = seen.time[found.rows] // 1_000_000_000
        to_all = (found.bytes[:, :6] == 0xFF).all(axis=1)
        edges = np.flatnonzero(np.r_[True, seconds[1:] != seconds[:-1]])
        counts, all_counts = np.add.reduceat(to_all.astype(np.int64), edges), np.diff(np.r_[edges, len(found)])
        for index, edge in enumerate(edges.tolist()):
            second = int(seconds[edge])
            if second != self.second:
                self._close()
                self.second, self.all, self.broadcast, self.example = second, 0, 0, []
            self.all += int(all_counts[index])
            self.broadcast += int(counts[index])
            if counts[index] and not self.example:
                first = edge + int(np.argmax(to_all[edge:]))
                self.example = [seen.first + int(found.rows[first])]

    def _close(self) -> None:
        if self.broadcast >= STORM and self.broadcast * 2 >= self.all:
            detail = f"up to {self.broadcast} broadcasts in a second"
            self.notes.add(BROADCASTS, "link", self.example[0] if self.example else None, detail=detail)

    def end(self) -> None:
        self._close()
