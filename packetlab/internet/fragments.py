"""Fragmentation of IPv4 and IPv6 packets, and putting them together again (RFC 791, RFC 815, RFC 8200 section 4.5).

`fragment` cuts a packet for a link of a given MTU. `Reassembler` is fed packets in any order, and a clock; it
gives back whole packets. What it holds against a sender who wants to confuse it or to fill its memory:

* overlap: fragments of one packet must not overlap (RFC 5722). The whole packet, and what comes of it later, is
  given up; an exact duplicate is only counted. As Linux does, the same holds for IPv4. `overlap="first"` and
  `"last"` keep the bytes that came first or last instead, to see what other hosts would have made of it;
* memory: at most `max_bytes` of data (each fragment counted with OVERHEAD bytes more) in at most `max_packets`
  packets; the packet that has waited longest goes first;
* time: a packet not complete `timeout` seconds after its first fragment came is given up (RFC 8200: 60).

Whatever is given up is reported with the holes that it still had.
"""

import secrets
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import DestinationOptions, Fragment, HopByHop, IPv6, Routing
from packetlab.model.errors import UsageError
from packetlab.model.fields import Checksum, Length
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate

OVERHEAD: Final = 128
"""Bytes that a fragment of any size counts for beside its data."""
LONGEST: Final = 65535
MAX_NESTED: Final = 8
"""Fragmented packets inside reassembled packets that `add` goes into."""

Overlap = Literal["discard", "first", "last"]
Reason = Literal["waiting", "timeout", "overlap", "memory", "too long"]


# ---------------------------------------------------------------- cutting


def fragment(packet: Packet, mtu: int, *, identification: int | None = None) -> list[Packet]:
    """The packet in parts whose outermost IP packet takes at most `mtu` bytes each, in order.

    A packet that fits is returned as it is. `identification` must be new between these two hosts; without it
    IPv4 keeps that of its header, and IPv6 takes a random one. Raises UsageError where the packet has no IP
    header, where IPv4 forbids cutting (dont_fragment), or where the MTU leaves no room for 8 bytes of data.
    """
    whole = packet if packet.data is not None else packet.filled()
    for index, header in enumerate(whole.layers):
        if isinstance(header, IPv4):
            return _cut_ipv4(whole, index, header, mtu, identification)
        if isinstance(header, IPv6):
            return _cut_ipv6(whole, index, mtu, identification)
    raise UsageError("only IP packets can be cut into fragments", remedy="put an IPv4 or IPv6 header into the packet")


def _steps(size: int, room: int, mtu: int) -> list[tuple[int, int]]:
    """(start, end) of each part of `size` bytes; all but the last of a multiple of 8 bytes."""
    step = room // 8 * 8
    if step < 8:
        raise UsageError(f"an MTU of {mtu} leaves no room for data behind the headers", remedy="give a larger one")
    return [(start, min(start + step, size)) for start in range(0, size, step)]


def _cut_ipv4(whole: Packet, index: int, header: IPv4, mtu: int, identification: int | None) -> list[Packet]:
    start, body, end = whole.bounds()[index]
    if end - start <= mtu:
        return [whole]
    if header.dont_fragment:
        raise UsageError(f"the packet takes {end - start} bytes and says that it must not be cut (dont_fragment)",
                         remedy="clear dont_fragment, or send less")  # fmt: skip
    data = (whole.data or b"")[body:end]
    # "Copied" options (top bit of the kind) go into every fragment, the others only into the first.
    copied = tuple(option for option in header.options if getattr(option, "kind", 0) & 0x80)
    common: dict[str, Any] = {"total_length": None, "header_length": None, "checksum": None}
    if identification is not None:
        common["identification"] = identification
    later = header.replace(**common, options=copied)
    room = mtu - max(body - start, len(later.encode()))
    found = []
    for first, last in _steps(len(data), room, mtu):
        made = (later if first else header.replace(**common)).replace(
            fragment_offset=header.fragment_offset + first // 8,
            more_fragments=1 if last < len(data) else header.more_fragments,
        )
        found.append(Packet((*_recounted(whole.layers[:index]), made), data[first:last]))
    return found


def _cut_ipv6(whole: Packet, index: int, mtu: int, identification: int | None) -> list[Packet]:
    bounds = whole.bounds()
    start, end = bounds[index][0], bounds[index][2]
    if end - start <= mtu:
        return [whole]
    # The headers that routers on the way look at stand in every fragment (RFC 8200 section 4.5).
    at = index
    for number in range(index + 1, len(whole.layers)):
        header = whole.layers[number]
        if isinstance(header, Fragment):
            raise UsageError("this IPv6 packet is a fragment already", remedy="cut the whole packet instead")
        if isinstance(header, Routing) or (isinstance(header, HopByHop) and number == index + 1):
            at = number
        elif not isinstance(header, DestinationOptions):
            break
    data = (whole.data or b"")[bounds[at][1] : end]
    room = mtu - (bounds[at][1] - start) - 8
    ahead, last_ahead = whole.layers[index:at], whole.layers[at]
    protocol = last_ahead.next_header  # type: ignore[attr-defined]
    outer = _recounted((*whole.layers[:index], *ahead, last_ahead.replace(next_header=None)))
    number = secrets.randbits(32) if identification is None else identification
    return [
        Packet(
            (*outer, Fragment(next_header=protocol, fragment_offset=first // 8, more_fragments=int(last < len(data)),
                              identification=number)),
            data[first:last],
        )
        for first, last in _steps(len(data), room, mtu)
    ]  # fmt: skip


def _recounted(layers: tuple[Header, ...]) -> tuple[Header, ...]:
    """The same headers, with lengths and checksums to be worked out again where they were given."""
    return tuple(
        header.replace(**{
            spec.name: None
            for spec in header.fields
            if isinstance(spec.fill, Length | Checksum) and getattr(header, spec.name) != 0
        })
        for header in layers
    )  # fmt: skip


# ---------------------------------------------------------------- putting together


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A packet of which not all has come: still awaited, or given up."""

    src: bytes
    dst: bytes
    protocol: int
    identification: int
    reason: Reason
    first_seen: float
    last_seen: float
    fragments: int
    """Fragments that came, duplicates not counted."""
    duplicates: int
    received: int
    """Bytes in hand."""
    total: int | None
    """Bytes of the whole; None while the last fragment has not come."""
    holes: tuple[tuple[int, int | None], ...]
    """(first, end) of what is missing, in bytes; the end is None where it is not known."""


@dataclass(slots=True)
class _Pending:
    """The parts of one packet, sorted, none overlapping another."""

    key: tuple[bytes, bytes, int, int]
    seen: float
    last_seen: float = 0.0
    parts: list[tuple[int, bytes]] = field(default_factory=list)
    received: int = 0
    total: int | None = None
    first: tuple[Packet, int] | None = None
    """The packet that brought the first part, and the layer that says that it is a fragment."""
    fragments: int = 0
    duplicates: int = 0
    dead: bool = False

    @property
    def cost(self) -> int:
        return self.received + OVERHEAD * (len(self.parts) + 1)

    def holes(self) -> tuple[tuple[int, int | None], ...]:
        found: list[tuple[int, int | None]] = []
        at = 0
        for start, data in self.parts:
            if start > at:
                found.append((at, start))
            at = start + len(data)
        if self.total is None:
            found.append((at, None))
        elif at < self.total:
            found.append((at, self.total))
        return tuple(found)

    def overlapping(self, start: int, end: int) -> tuple[int, int]:
        """The slice of `parts` that shares bytes with [start, end)."""
        low = bisect_left(self.parts, start, key=lambda part: part[0] + len(part[1]) - 1)
        high = low
        while high < len(self.parts) and self.parts[high][0] < end:
            high += 1
        return low, high

    def put(self, start: int, data: bytes, overlap: Overlap) -> bool:
        """Add a part; False where it overlaps another and that must not be."""
        end = start + len(data)
        low, high = self.overlapping(start, end)
        there = self.parts[low:high]
        if there and overlap == "discard":
            return False
        if overlap == "first":
            new, at = list(there), start
            for old, kept in [*there, (end, b"")]:
                if old > at:
                    new.append((at, data[at - start : old - start]))
                at = max(at, old + len(kept))
            new = [part for part in sorted(new) if part[1]]
        else:
            new = [(start, data)]
            for old, kept in there:
                if old < start:
                    new.append((old, kept[: start - old]))
                if old + len(kept) > end:
                    new.append((end, kept[end - old :]))
            new.sort()
        self.received += sum(len(part) for _, part in new) - sum(len(part) for _, part in there)
        self.parts[low:high] = new
        return True

    def report(self, reason: Reason) -> Incomplete:
        src, dst, protocol, identification = self.key
        return Incomplete(src, dst, protocol, identification, reason, self.seen, self.last_seen, self.fragments,
                          self.duplicates, self.received, self.total, self.holes())  # fmt: skip


class Reassembler:
    """Takes packets, fragments among them, and gives back whole packets. See the module for its bounds."""

    def __init__(
        self,
        *,
        timeout: float = 60.0,
        max_bytes: int = 4 << 20,
        max_packets: int = 1024,
        overlap: Overlap = "discard",
    ) -> None:
        self.timeout, self.max_bytes, self.max_packets, self.overlap = timeout, max_bytes, max_packets, overlap
        self.held = 0
        """Bytes held now, OVERHEAD included."""
        self.rejected = 0
        """Fragments that could not be used: cut by the capture, empty, or of a length that cannot be."""
        self.given_up: deque[Incomplete] = deque(maxlen=256)
        """The newest packets that were given up."""
        # Oldest first: dictionaries keep the order in which keys came.
        self._pending: dict[tuple[Any, ...], _Pending] = {}

    def add(self, packet: Packet, now: float) -> Packet | None:
        """The packet itself if it is no fragment, the whole one if this completes it; otherwise None.

        `now` is in seconds, of any clock that does not go back. A whole packet that is itself inside a fragment
        (a tunnel) is gone into as well.
        """
        self.expire(now)
        current: Packet | None = packet
        for _ in range(MAX_NESTED):
            index = _fragment_layer(current) if current is not None else None
            if current is None or index is None:
                return current
            current = self._add(current, index, now)
        return current

    @property
    def next_deadline(self) -> float | None:
        """When `expire` will have something to do; None while nothing is awaited."""
        return next((one.seen + self.timeout for one in self._pending.values()), None)

    def expire(self, now: float) -> list[Incomplete]:
        """Give up what has waited too long."""
        late = []
        for key, pending in self._pending.items():
            if pending.seen + self.timeout > now:
                break
            late.append((key, pending))
        return [report for key, pending in late if (report := self._give_up(key, pending, "timeout"))]

    def waiting(self) -> list[Incomplete]:
        """What is awaited now, the oldest first."""
        return [pending.report("waiting") for pending in self._pending.values() if not pending.dead]

    # ------------------------------------------------------------ inside

    def _give_up(self, key: tuple[Any, ...], pending: _Pending, reason: Reason) -> Incomplete | None:
        self.held -= pending.cost
        del self._pending[key]
        if pending.dead:
            return None
        report = pending.report(reason)
        self.given_up.append(report)
        return report

    def _kill(self, pending: _Pending, reason: Reason) -> None:
        """Report it, and keep only its name, so that what comes of it later is dropped too (RFC 5722)."""
        self.given_up.append(pending.report(reason))
        self.held -= pending.cost
        pending.parts, pending.received, pending.first, pending.dead = [], 0, None, True
        self.held += pending.cost

    def _add(self, packet: Packet, index: int, now: float) -> Packet | None:
        part = _part(packet, index)
        if part is None:
            self.rejected += 1
            return None
        start, data, more = part
        key, name = _key(packet, index)
        if start == 0 and not more:  # the whole in one fragment: never mixed with others (RFC 6946)
            return _whole(packet, index, data)
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = _Pending(name, now)
            self.held += pending.cost
        pending.last_seen = now
        if not pending.dead:
            before = pending.cost
            reason = self._put(pending, packet, index, start, data, more)
            self.held += pending.cost - before
            if reason:
                self._kill(pending, reason)
            elif pending.first is not None and pending.received == pending.total:
                self.held -= pending.cost
                del self._pending[key]
                return _whole(*pending.first, b"".join(piece for _, piece in pending.parts))
        while self._pending and (self.held > self.max_bytes or len(self._pending) > self.max_packets):
            oldest = next(iter(self._pending))
            self._give_up(oldest, self._pending[oldest], "memory")
        return None

    def _put(
        self, pending: _Pending, packet: Packet, index: int, start: int, data: bytes, more: bool
    ) -> Reason | None:
        end = start + len(data)
        if end + _ahead(packet, index) > LONGEST:
            return "too long"
        low, high = pending.overlapping(start, end)
        if pending.parts[low:high] == [(start, data)] and (more or pending.total == end):
            pending.duplicates += 1
            return None
        furthest = pending.parts[-1][0] + len(pending.parts[-1][1]) if pending.parts else 0
        if not more:
            if (pending.total is not None and pending.total != end) or furthest > end:
                return "overlap"
            pending.total = end
        elif pending.total is not None and end > pending.total:
            return "overlap"
        if not pending.put(start, data, self.overlap):
            return "overlap"
        pending.fragments += 1
        if start == 0 and (pending.first is None or self.overlap == "last"):
            pending.first = (packet, index)
        return None


def _fragment_layer(packet: Packet) -> int | None:
    for index, header in enumerate(packet.layers):
        if isinstance(header, IPv4 | Fragment) and not header.is_cut:
            if header.more_fragments or header.fragment_offset:
                return index
            if isinstance(header, Fragment):
                return index
    return None


def _ip_layer(packet: Packet, index: int) -> int:
    while index and not isinstance(packet.layers[index], IPv4 | IPv6):
        index -= 1
    return index


def _ahead(packet: Packet, index: int) -> int:
    """Bytes of headers that count for the length of the whole: all of IPv4's, the extensions of IPv6."""
    bounds = packet.bounds()
    if isinstance(packet.layers[index], IPv4):
        return bounds[index][1] - bounds[index][0]
    return bounds[index][0] - bounds[_ip_layer(packet, index)][1]


def _key(packet: Packet, index: int) -> tuple[tuple[Any, ...], tuple[bytes, bytes, int, int]]:
    header, ip = packet.layers[index], packet.layers[_ip_layer(packet, index)]
    if isinstance(header, IPv4):
        name = (header.src, header.dst, header.protocol, header.identification)
        return name, name
    assert isinstance(header, Fragment)
    src, dst = getattr(ip, "src", b""), getattr(ip, "dst", b"")
    # Only the first fragment's next header counts (RFC 8200 section 4.5), so it is no part of the key.
    return (src, dst, header.identification), (src, dst, header.next_header, header.identification)


def _part(packet: Packet, index: int) -> tuple[int, bytes, bool] | None:
    """Where a fragment belongs, its data, and whether more follows; None where it is of no use."""
    header, (_, body, end) = packet.layers[index], packet.bounds()[index]
    data = (packet.data if packet.data is not None else packet.encapsulate())[body:end]
    assert isinstance(header, IPv4 | Fragment)
    ip = packet.layers[_ip_layer(packet, index)]
    claimed = ip.total_length if isinstance(ip, IPv4) else getattr(ip, "payload_length", None)
    if claimed:
        ip_start, ip_body, ip_end = packet.bounds()[_ip_layer(packet, index)]
        if claimed > ip_end - (ip_start if isinstance(ip, IPv4) else ip_body):
            return None  # the capture has not all of it
    more = bool(header.more_fragments)
    if not data or (more and len(data) % 8):
        return None
    return header.fragment_offset * 8, data, more


def _whole(packet: Packet, index: int, data: bytes) -> Packet:
    """The packet that was cut, from its first fragment and all its data."""
    header = packet.layers[index]
    if isinstance(header, IPv4):
        layers = (*packet.layers[:index], header.replace(more_fragments=0, fragment_offset=0))
    else:
        ahead = packet.layers[index - 1] if index else header
        layers = (*packet.layers[: max(index - 1, 0)], ahead.replace(next_header=header.next_header))  # type: ignore[attr-defined]
    return decapsulate(Packet(_recounted(layers), data).encapsulate(), type(packet.layers[0]))
