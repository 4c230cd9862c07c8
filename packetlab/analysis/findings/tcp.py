"""TCP connections: not answered, refused, broken off, scans and floods, receivers without room.

Only segments with SYN, FIN or RST are looked at one by one (a few in each connection). Whether a handshake was
completed is asked of all segments at once, by a number made of addresses and ports.
"""

from dataclasses import dataclass, field

import numpy as np

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Found, Seen, address, endpoint
from packetlab.analysis.plan import Column
from packetlab.transport.tcp import TCP

MOST_OPEN = 200_000
"""Connections that are followed at a time."""
MANY_PORTS, MANY_HOSTS, FLOOD = 15, 20, 200

_SYN, _ACK, _FIN, _RST = (int(flag) for flag in (TCP.SYN, TCP.ACK, TCP.FIN, TCP.RST))

UNANSWERED = Kind(
    "syn-unanswered", "warning", "transport", "Connections that nobody answered (SYN)",
    "A host tried to open a connection, again and again, and got no answer at all: neither yes (SYN-ACK) nor no (RST). "
    "The other host is off or not reached, or a firewall drops the attempts silently.",
    "Does ping reach the host? A closed port would be refused at once; silence means a firewall or no host.",
    "tcp.flags.syn == 1",
)  # fmt: skip
SLOW_START = Kind(
    "syn-repeated", "warning", "transport", "The first attempt to connect was lost",
    "The SYN had to be sent more than once before it was answered, so the connection opened a second or more late. "
    "Packets are lost on the way, or the server's queue of new connections was full.",
    "Is more lost between these hosts? On the server: nstat -az TcpExtListenOverflows.", "tcp.flags.syn == 1",
)  # fmt: skip
REFUSED = Kind(
    "connection-refused", "warning", "transport", "Connections refused (RST)",
    "The host was reached, but no program listens on that TCP port, or a firewall answers in its place.",
    "Is the service running, and does it listen on this address? On the host: ss -ltnp", "tcp.flags.reset == 1",
)  # fmt: skip
BROKEN = Kind(
    "connection-reset", "warning", "transport", "Connections broken off (RST)",
    "A connection in use was ended with RST instead of FIN: a program crashed or closed with data unread, or a device "
    "on the way (firewall, load balancer, intrusion prevention) cut it. What was on its way is lost.",
    "Who sent the RST? If its TTL differs from other packets of that host, it came from a device on the way.",
    "tcp.flags.reset == 1",
)  # fmt: skip
PORT_SCAN = Kind(
    "port-scan", "warning", "transport", "One host tries many ports",
    "A host tried many ports and most were closed or silent: it looks for services. Scanners of your own do that, and "
    "so does somebody who prepares an attack.",
    "Which ports answered with SYN-ACK? Those are what the scanner knows now.", "tcp.flags.syn == 1",
)  # fmt: skip
HOST_SCAN = Kind(
    "host-scan", "warning", "transport", "One host tries many hosts",
    "A host tried to connect to many hosts, most of which refused or kept silent: it looks for machines with a certain "
    "service, as worms do.",
    "What runs on that host? Which of the others answered?", "tcp.flags.syn == 1",
)  # fmt: skip
SYN_FLOOD = Kind(
    "syn-flood", "error", "transport", "A flood of SYNs",
    "Very many connections were opened to one port and hardly one was completed. The server keeps each of them in a "
    "queue until it gives up; honest clients find the queue full. The source addresses are often invented.",
    "Switch SYN cookies on (net.ipv4.tcp_syncookies), and look where the packets enter your network.",
    "tcp.flags.syn == 1 && tcp.flags.ack == 0",
)  # fmt: skip
NO_ROOM = Kind(
    "zero-window", "warning", "transport", "A receiver has no room (zero window)",
    "The receiver's program does not read as fast as data arrive; its buffer is full and the sender has to stop. The "
    "network is not to blame.",
    "Look at the program on the host that says window 0: is it busy, waiting for a disk, stopped?",
    "tcp.window_size_value == 0",
)  # fmt: skip

_Key = tuple[bytes, int, bytes, int]


@dataclass(slots=True)
class _Attempt:
    """A connection that somebody wants to open."""

    packets: list[int]
    mark: int
    """The number made of its addresses and ports."""


@dataclass(slots=True)
class _Tally:
    """How the attempts at one place, or by one host, went."""

    failed: dict[tuple[bytes, int], int] = field(default_factory=dict)
    """(address, port): the first packet."""


class Connections:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.open: dict[_Key, _Attempt] = {}
        self.half: dict[int, tuple[bytes, int, int]] = {}  # mark of one answered: server, port, packet
        self.ended: set[_Key] = set()
        self.early: set[_Key] = set()
        self.by_client: dict[bytes, _Tally] = {}
        self.refused: dict[_Key, list[int]] = {}
        self.silent: dict[_Key, list[int]] = {}
        self.good: dict[tuple[bytes, int], int] = {}

    def take(self, seen: Seen) -> None:
        found = seen.found(TCP, 20)
        keep = (found.stop - found.at >= 20) & (seen.ip.version[found.rows] > 0) & ~seen.copies
        found, mark_of = found.chosen(keep), seen.marks[keep]
        if not len(found):
            return
        flags = found.bytes[:, 13].astype(np.int64)
        self._no_room(seen, found, flags)
        chosen = np.flatnonzero(flags & (_SYN | _RST | _FIN))
        part = found.chosen(chosen)
        columns = zip(
            part.rows.tolist(), seen.ends(part.rows), part.number(0, 2).tolist(), part.number(2, 2).tolist(),
            flags[chosen].tolist(), mark_of[chosen].tolist(), strict=True,
        )  # fmt: skip
        for row, (src, dst), port, to, flag, mark in columns:
            self._segment((src, port, dst, to), flag, mark, seen.first + row)
        if self.half:
            plain = (flags & (_SYN | _RST) == 0) & (flags & _ACK != 0)
            done = np.unique(mark_of[plain][np.isin(mark_of[plain], np.fromiter(self.half, np.uint64, len(self.half)))])
            for mark in done.tolist():
                server, port, _ = self.half.pop(mark)
                self.good[server, port] = self.good.get((server, port), 0) + 1

    def _no_room(self, seen: Seen, found: Found, flags: Column) -> None:
        closed = np.flatnonzero((found.number(14, 2) == 0) & (flags & (_SYN | _RST | _FIN) == 0))
        part = found.chosen(closed[:20_000])
        ports = zip(part.number(0, 2).tolist(), part.number(2, 2).tolist(), strict=True)
        for row, (src, dst), (port, to) in zip(part.rows.tolist(), seen.ends(part.rows), ports, strict=True):
            self.notes.add(NO_ROOM, f"{endpoint(src, port)}, data from {endpoint(dst, to)}", seen.first + row)

    def _segment(self, key: _Key, flag: int, mark: int, number: int) -> None:
        back = (key[2], key[3], key[0], key[1])
        if flag & _RST:
            attempt = self.open.pop(back, None)
            if attempt is not None:
                self._fail(back, [*attempt.packets, number], self.refused)
            elif key not in self.ended and back not in self.ended and mark not in self.half:
                self.notes.add(BROKEN, f"{endpoint(key[0], key[1])} to {endpoint(key[2], key[3])}", number)
            self._end(key)
            return
        if flag & _SYN and flag & _ACK:
            attempt = self.open.pop(back, None)
            if attempt is None:
                # Overtaken by its answer, or the capture began in between: the SYN needs no other one.
                if len(self.early) < MOST_OPEN:
                    self.early.add(back)
                return
            if len(attempt.packets) > 1:
                about = f"{address(back[0])} to {endpoint(back[2], back[3])}"
                self.notes.add_all(SLOW_START, about, attempt.packets)
            if len(self.half) < MOST_OPEN:
                self.half[attempt.mark] = (key[0], key[1], number)
            return
        if flag & _SYN:
            attempt = self.open.get(key)
            if attempt is not None:
                attempt.packets.append(number)
            elif key in self.early:
                self.early.discard(key)
            elif len(self.open) < MOST_OPEN:
                self.open[key] = _Attempt([number], mark)
            self.ended.discard(key)
            self.ended.discard(back)
        elif flag & _FIN:
            self._end(key)

    def _end(self, key: _Key) -> None:
        if len(self.ended) < MOST_OPEN:
            self.ended.add(key)

    def _fail(self, key: _Key, packets: list[int], into: dict[_Key, list[int]]) -> None:
        """Failed attempts by client, and by client, server and port whatever the client's port."""
        client, _, server, port = key
        if len(self.by_client) < MOST_OPEN or client in self.by_client:
            tally = self.by_client.setdefault(client, _Tally())
            if len(tally.failed) < MOST_OPEN:
                tally.failed.setdefault((server, port), packets[0])
        one = (client, 0, server, port)
        if one in into or len(into) < MOST_OPEN:
            into.setdefault(one, []).extend(packets[:4])

    def end(self) -> None:
        floods = self._floods()
        for key, attempt in self.open.items():
            if (key[2], key[3]) not in floods:
                self._fail(key, attempt.packets, self.silent)
        scanners = self._scans()
        for found, kind in ((self.refused, REFUSED), (self.silent, UNANSWERED)):
            for (client, _, server, port), packets in found.items():
                if client not in scanners:
                    self.notes.add_all(kind, f"{address(client)} to {endpoint(server, port)}", sorted(packets))

    def _floods(self) -> set[tuple[bytes, int]]:
        """Places with very many attempts that were not completed."""
        hanging: dict[tuple[bytes, int], list[int]] = {}
        for key, attempt in self.open.items():
            hanging.setdefault((key[2], key[3]), []).append(attempt.packets[0])
        for server, port, number in self.half.values():
            hanging.setdefault((server, port), []).append(number)
        floods = set()
        for place, numbers in hanging.items():
            if len(numbers) >= FLOOD and len(numbers) > 4 * self.good.get(place, 0):
                floods.add(place)
                detail = f"{len(numbers)} opened and not completed, {self.good.get(place, 0)} completed"
                self.notes.add_all(SYN_FLOOD, endpoint(*place), sorted(numbers), detail=detail)
        return floods

    def _scans(self) -> set[bytes]:
        scanners = set()
        for client, tally in self.by_client.items():
            ports: dict[bytes, list[int]] = {}
            hosts: dict[int, list[int]] = {}
            for (server, port), number in tally.failed.items():
                ports.setdefault(server, []).append(number)
                hosts.setdefault(port, []).append(number)
            for server, numbers in ports.items():
                if len(numbers) >= MANY_PORTS:
                    scanners.add(client)
                    about = f"{address(client)} tries {address(server)}"
                    self.notes.add_all(
                        PORT_SCAN, about, sorted(numbers), detail=f"{len(numbers)} ports without success"
                    )
            for port, numbers in hosts.items():
                if len(numbers) >= MANY_HOSTS:
                    scanners.add(client)
                    about = f"{address(client)} tries port {port}"
                    self.notes.add_all(
                        HOST_SCAN, about, sorted(numbers), detail=f"{len(numbers)} hosts without success"
                    )
        return scanners
