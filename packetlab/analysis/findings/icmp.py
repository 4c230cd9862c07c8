"""ICMP: what routers and hosts complain about, each complaint in plain words; and pings without reply."""

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Seen, address
from packetlab.internet.icmp import ICMP
from packetlab.internet.icmpv6 import ICMPv6

MOST_PINGS = 200_000
"""Requests that wait for their reply at a time."""
MOST_ERRORS = 100_000
"""ICMP errors that are looked into."""

_QUOTE = "The message quotes the packet that could not be delivered: packetlab show FILE -n NUMBER"


def _kind(name: str, severity: str, title: str, explanation: str, advice: str = _QUOTE, filter: str = "icmp") -> Kind:  # noqa: A002
    return Kind(name, severity, "internet", title, explanation, advice, filter)  # type: ignore[arg-type]


NET = _kind(
    "icmp-net-unreachable", "warning", "No route to a network",
    "A router knows no way to where this packet wants to go. A route is missing there, or the address does not exist.",
    "Look at the routes of the router that sent the message, for the destination that it quotes.",
)  # fmt: skip
HOST = _kind(
    "icmp-host-unreachable", "warning", "Host cannot be reached",
    "The last router asked for the host on its link (ARP, NDP) and nobody answered: the host is off or the address "
    "is wrong. No packet that goes there arrives.",
    "Is the host up, and is its address the one that was asked for?",
)  # fmt: skip
PROTOCOL = _kind(
    "icmp-protocol-unreachable", "warning", "Protocol not spoken there",
    "The host was reached, but does not speak the protocol inside the IP packet.",
)  # fmt: skip
PORT = _kind(
    "icmp-port-unreachable", "warning", "Nobody listens on a UDP port",
    "The datagram reached the host, but no program has that UDP port open: the service is not running, listens at "
    "another address or port, or the answer came after the asker stopped waiting. (Traceroute does this on purpose.)",
    "Is the service running? On the host: ss -ulnp",
)  # fmt: skip
FORBIDDEN = _kind(
    "icmp-prohibited", "warning", "Forbidden by a firewall",
    "A firewall or an access list on the way does not let this packet through, and says so.",
    "The sender of the message is the one whose rules to look at.",
)  # fmt: skip
NEEDED = _kind(
    "mtu-exceeded", "note", "A link on the way takes smaller packets only (path MTU)",
    "A packet was too big for the next link and must not be cut. The router says which size fits, and the sender "
    "should send smaller ones from now on: this is how path MTU discovery works. It is an error only where the sender "
    "goes on sending big ones, because the message does not reach it.",
    "Are there still big packets between the same hosts afterwards? Then a firewall drops these messages.",
    "icmp.code == 4 || icmpv6.type == 2",
)  # fmt: skip
BLACK_HOLE = _kind(
    "mtu-black-hole", "error", "Path MTU is ignored: a black hole",
    "A router said several times that packets are too big, and the same sender kept sending such packets. "
    "The message does not reach it (a firewall drops ICMP), so big packets never arrive while small ones "
    "do: connections open and then hang.",
    "Let ICMP type 3 code 4 (ICMPv6 type 2) through to the sender, or clamp the MSS on the router.",
    "icmp.code == 4 || icmpv6.type == 2",
)  # fmt: skip
TTL = _kind(
    "ttl-exceeded", "warning", "Packets ran out of hops",
    "A router dropped a packet because its TTL (hop limit) was used up. One or a few are harmless; many for the same "
    "destination mean that routers send it in a circle.",
    "Look for a routing loop: one packet again and again with a falling TTL; traceroute shows which routers repeat.",
    "icmp.type == 11 || icmpv6.type == 3",
)  # fmt: skip
TRACEROUTE = _kind(
    "traceroute", "note", "Traceroute",
    "Routers report packets whose TTL was small from the beginning: somebody finds out which routers are on the way.",
    "Nothing is wrong. The senders of the messages are the routers.", "icmp.type == 11 || icmpv6.type == 3",
)  # fmt: skip
REASSEMBLY = _kind(
    "reassembly-time", "warning", "Fragments did not all arrive",
    "A host waited in vain for the missing fragments of a packet and gave it up. All of the packet is lost.",
    "Which fragment is missing? Firewalls often drop those without ports, that is all but the first.",
)  # fmt: skip
REDIRECT = _kind(
    "icmp-redirect", "note", "A router names a better way (redirect)",
    "A router tells a host to send directly to another router on the same link. Usually a wrong or missing route; in "
    "wrong hands it is a way to draw traffic to oneself.",
    "Is the gateway in the message one of yours?",
)  # fmt: skip
PARAMETER = _kind(
    "icmp-parameter-problem", "warning", "A header could not be understood",
    "A router or host found a field of the IP header, or a header extension, that it cannot take.",
)  # fmt: skip
QUENCH = _kind(
    "icmp-source-quench", "note", "Source quench",
    "Somebody asks to send slower. Nobody heeds this any more (RFC 6633).",
)  # fmt: skip
OTHER = _kind(
    "icmp-unreachable", "warning", "Destination cannot be reached",
    "A packet could not be delivered; the code says why.",
)  # fmt: skip
NO_REPLY = _kind(
    "ping-unanswered", "warning", "Pings without reply",
    "Echo requests were not answered. The host is off or not reached, a firewall drops them, or replies take "
    "another way than past this recorder.",
    "Is there an ICMP error for them? Does anything else from that host arrive?", "icmp || icmpv6",
)  # fmt: skip

TRACEROUTE_PORTS = range(33434, 33690)

_UNREACHABLE = {0: NET, 1: HOST, 2: PROTOCOL, 3: PORT, 4: NEEDED, 6: NET, 7: HOST, 9: FORBIDDEN, 10: FORBIDDEN,
                11: NET, 12: HOST, 13: FORBIDDEN}  # fmt: skip
_UNREACHABLE6 = {0: NET, 1: FORBIDDEN, 2: NET, 3: HOST, 4: PORT, 5: FORBIDDEN, 6: NET}


class ICMPErrors:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.exceeded: dict[tuple[bytes, bytes], dict[bytes, list[int]]] = {}
        self.too_big: dict[tuple[bytes, bytes], list[tuple[int, int]]] = {}
        self.closed: dict[tuple[bytes, bytes, int], list[int]] = {}
        self.left = MOST_ERRORS

    def take(self, seen: Seen) -> None:
        for cls, quote_size in ((ICMP, 28), (ICMPv6, 48)):
            found = seen.found(cls, 8 + quote_size)
            if not len(found):
                continue
            kinds = found.bytes[:, 0]
            is_error = (kinds < 128) & (kinds > 0) if cls is ICMPv6 else (
                (kinds == 3) | (kinds == 4) | (kinds == 5) | (kinds == 11) | (kinds == 12)
            )  # fmt: skip
            found = found.chosen(is_error)
            times = seen.time[found.rows].tolist()
            for row, raw, (sender, to), time in zip(
                found.rows.tolist(), found.bytes, seen.ends(found.rows), times, strict=True
            ):  # fmt: skip
                if self.left:
                    self.left -= 1
                    self._error(raw.tobytes(), sender, to, seen.first + row, time, 6 if cls is ICMPv6 else 4)

    def _error(self, raw: bytes, sender: bytes, to: bytes, number: int, time: int, version: int) -> None:
        kind, code, quoted = raw[0], raw[1], raw[8:]
        src, dst = (quoted[12:16], quoted[16:20]) if version == 4 else (quoted[8:24], quoted[24:40])
        found = self._what(kind, code, version)
        if found is None:
            return
        about = f"{address(src)} -> {address(dst)}, says {address(sender)}"
        if len(self.notes.reported) < MOST_ERRORS:
            self.notes.reported.add((src, dst))
        if found is PORT and (port := self._port(quoted, version)):
            self.closed.setdefault((src, dst, port), []).append(number)
            return
        if found is NEEDED:
            mtu = int.from_bytes(raw[6:8] if version == 4 else raw[4:8], "big")
            waiting = self.too_big.setdefault((src, dst), []) if len(self.too_big) < 10_000 else []
            if len(waiting) < 100:
                waiting.append((number, time))
            self.notes.add(
                NEEDED, about, number, detail=f"packets of up to {mtu} bytes fit" if mtu else "no size given"
            )
            return
        if found is TTL:
            if len(self.exceeded) < 10_000 or (src, dst) in self.exceeded:
                self.exceeded.setdefault((src, dst), {}).setdefault(sender, []).append(number)
            return
        self.notes.add(found, about, number)

    @staticmethod
    def _what(kind: int, code: int, version: int) -> Kind | None:
        if version == 6:
            return {
                1: _UNREACHABLE6.get(code, OTHER),
                2: NEEDED,
                3: REASSEMBLY if code == 1 else TTL,
                4: PARAMETER,
            }.get(kind)
        return {3: _UNREACHABLE.get(code, OTHER), 4: QUENCH, 5: REDIRECT, 11: REASSEMBLY if code == 1 else TTL,
                12: PARAMETER}.get(kind)  # fmt: skip

    @staticmethod
    def _port(quoted: bytes, version: int) -> int:
        if version == 4:
            at, protocol = (quoted[0] & 15) * 4, quoted[9]
        else:
            at, protocol = 40, quoted[6]
        return int.from_bytes(quoted[at + 2 : at + 4], "big") if protocol in (6, 17) and len(quoted) >= at + 4 else 0

    def end(self) -> None:
        for (src, dst, port), numbers in self.closed.items():
            if port in TRACEROUTE_PORTS and (src, dst) in self.exceeded:
                self.exceeded[src, dst].setdefault(dst, []).extend(numbers)
            else:
                self.notes.add_all(PORT, f"{address(dst)} port {port}, asked by {address(src)}", sorted(numbers))
        for (src, dst), routers in self.exceeded.items():
            # Each router a few times is a traceroute; one router (or two) many times is a loop or a small TTL.
            most = max(map(len, routers.values()))
            numbers = sorted(number for found in routers.values() for number in found)
            if len(routers) > 1 and most <= 12:
                detail = f"{len(routers) - (dst in routers)} routers answered"
                self.notes.add_all(TRACEROUTE, f"{address(src)} -> {address(dst)}", numbers, detail=detail)
            else:
                who = " and ".join(address(one) for one in list(routers)[:3])
                self.notes.add_all(TTL, f"{address(src)} -> {address(dst)}, says {who}", numbers)
        for (src, dst), seen in self.too_big.items():
            # A sender that heard the first message sends no more big packets after a round trip or two.
            late = [number for number, time in seen if time - seen[0][1] > 2_000_000_000]
            if len(late) >= 2:
                self.notes.add_all(BLACK_HOLE, f"{address(src)} -> {address(dst)}", [seen[0][0], *late])


class Echoes:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.waiting: dict[tuple[bytes, bytes, bytes], int] = {}
        self.answered: dict[tuple[bytes, bytes], int] = {}

    def take(self, seen: Seen) -> None:
        for cls, asks, answers in ((ICMP, 8, 0), (ICMPv6, 128, 129)):
            found = seen.found(cls, 8)
            if not len(found):
                continue
            kinds = found.bytes[:, 0]
            found = found.chosen(((kinds == asks) | (kinds == answers)) & (found.stop - found.at >= 8))
            raw = found.bytes.tobytes()
            for index, (row, (src, dst)) in enumerate(zip(found.rows.tolist(), seen.ends(found.rows), strict=True)):
                key = raw[8 * index + 4 : 8 * index + 8]
                if raw[8 * index] == asks:
                    if len(self.waiting) < MOST_PINGS:
                        self.waiting.setdefault((src, dst, key), seen.first + row)
                elif self.waiting.pop((dst, src, key), None) is not None:
                    pair = (dst, src)
                    if pair in self.answered or len(self.answered) < MOST_PINGS:
                        self.answered[pair] = self.answered.get(pair, 0) + 1

    def end(self) -> None:
        by_pair: dict[tuple[bytes, bytes], list[int]] = {}
        for (src, dst, _), number in self.waiting.items():
            if not ((dst[:1] >= b"\xe0" and len(dst) == 4) or dst[:1] == b"\xff"):  # many or nobody may answer those
                by_pair.setdefault((src, dst), []).append(number)
        for (src, dst), numbers in by_pair.items():
            if (src, dst) in self.notes.reported:
                continue
            good = self.answered.get((src, dst), 0)
            detail = f"{good} others were answered" if good else "not one was answered"
            self.notes.add_all(NO_REPLY, f"{address(src)} -> {address(dst)}", sorted(numbers), detail=detail)
