"""rtnetlink, the language in which Linux tells and takes interfaces, addresses, routes and neighbours.

Our own small codec instead of a library: a lab network is built in milliseconds, and importing the usual library
takes longer than that. One request is a `Request`; many go out in one sendmsg, each acknowledged, so that an error
names the request that caused it. Answers are typed (Interface, Route, Neighbour). Nothing received can raise from
the parsing: cut or odd messages and attributes end where they stop making sense.

The formats are those of netlink(7), rtnetlink(7) and linux/rtnetlink.h.
"""

import errno
import os
import socket
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from packetlab.model.addresses import ip_bytes, ip_text, mac_text
from packetlab.model.errors import PacketLabError, UnreachableError, UsageError
from packetlab.wire.host import Host

NETLINK_ROUTE = 0
SOL_NETLINK, NETLINK_EXT_ACK = 270, 11
ERROR, DONE, OVERRUN = 2, 3, 4
REQUEST, MULTI, ACK, DUMP_INTERRUPTED = 0x1, 0x2, 0x4, 0x10
REPLACE, EXCLUSIVE, CREATE, DUMP = 0x100, 0x200, 0x400, 0x300
CAPPED, ACK_ATTRIBUTES = 0x100, 0x200
NEW_LINK, DELETE_LINK, GET_LINK, SET_LINK = 16, 17, 18, 19
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
NEW_NEIGHBOUR, DELETE_NEIGHBOUR, GET_NEIGHBOUR = 28, 29, 30
SET_NEIGHBOUR_TABLE = 67

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBi")
_ROUTE = struct.Struct("=8BI")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_BUFFER = 1 << 16
_BATCH = 40  # requests per sendmsg: their acknowledgements must fit the receive buffer of the socket

OPERSTATES = ("unknown", "not present", "down", "lower layer down", "testing", "dormant", "up")
SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
ROUTE_KINDS = ("", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit")
NEIGHBOUR_STATES = {0: "none", 1: "incomplete", 2: "reachable", 4: "stale", 8: "delay", 16: "probe", 32: "failed",
                    64: "noarp", 128: "permanent"}  # fmt: skip


class NetlinkError(PacketLabError):
    """The kernel refused a request; `number` is its errno."""

    def __init__(self, what: str, number: int, detail: str = "", *, remedy: str = "") -> None:
        reason = detail or os.strerror(number)
        super().__init__(f"the kernel refused to {what}: {reason}" if what else reason, remedy=remedy)
        self.number = number


@dataclass(frozen=True, slots=True)
class Request:
    """One message to the kernel; `what` completes "the kernel refused to ..."."""

    kind: int
    flags: int
    body: bytes
    what: str = ""


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An IP address on an interface."""

    address: bytes
    prefix_length: int
    scope: str
    tentative: bool = False

    def __str__(self) -> str:
        return f"{ip_text(self.address)}/{self.prefix_length}"


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface as the kernel describes it."""

    index: int
    name: str
    mac: bytes
    mtu: int
    flags: int
    """IFF_ bits of netdevice(7)."""
    operstate: str
    """RFC 2863's ifOperStatus: "up", "down", "lower layer down", "unknown" (loopback)..."""
    addresses: tuple[InterfaceAddress, ...] = ()
    kind: int = 1
    """ARPHRD_: 1 Ethernet, 772 loopback, 65534 none (a tunnel without link-layer header)."""

    @property
    def is_up(self) -> bool:
        """Switched on and able to send (a loopback has no carrier to report)."""
        return bool(self.flags & 1) and self.operstate in ("up", "unknown")

    @property
    def is_loopback(self) -> bool:
        return bool(self.flags & 8)

    def __str__(self) -> str:
        text = " ".join([self.name, mac_text(self.mac), f"MTU {self.mtu}", self.operstate])
        return " ".join([text, *map(str, self.addresses)])


@dataclass(frozen=True, slots=True)
class Route:
    """A route; `destination` is the prefix's address, all zeros for the default route."""

    family: int
    destination: bytes
    prefix_length: int
    gateway: bytes | None
    """None: the destination is on the link itself."""
    interface: str
    interface_index: int
    source: bytes | None
    metric: int = 0
    table: int = 254
    kind: str = "unicast"
    mtu: int = 0
    """The path MTU that the kernel knows for it; 0: that of the interface."""

    @property
    def next_hop(self) -> bytes:
        """Whose link-layer address a packet on this route is sent to."""
        return self.gateway or self.destination

    def __str__(self) -> str:
        whole = "default" if not self.prefix_length else f"{ip_text(self.destination)}/{self.prefix_length}"
        via = f" via {ip_text(self.gateway)}" if self.gateway else ""
        return f"{whole}{via} dev {self.interface}"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row of the ARP or NDP cache."""

    address: bytes
    mac: bytes
    state: str
    interface: str
    interface_index: int

    def __str__(self) -> str:
        return f"{ip_text(self.address)} {mac_text(self.mac) or '?'} {self.state} on {self.interface}"


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = 4 + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + bytes(-length % 4)


def attribute_u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def attribute_text(kind: int, text: str) -> bytes:
    return attribute(kind, text.encode() + b"\0")


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes by number (flags in the upper two bits dropped); the last of a number wins."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4 or offset + length > len(data):
            break
        found[kind & 0x3FFF] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """(kind, flags, sequence, body) of each whole message in `data`."""
    offset = 0
    while offset + 16 <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        if length < 16 or offset + length > len(data):
            return
        yield kind, flags, sequence, data[offset + 16 : offset + length]
        offset += (length + 3) & ~3


def _number(data: bytes) -> int:
    return int.from_bytes(data[:4], "little" if struct.pack("=H", 1)[0] else "big")


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


class Netlink:
    """A netlink socket that asks and waits; threads take turns. Closes with its `with` block."""

    def __init__(self, opened: socket.socket, timeout: float = 5.0) -> None:
        self.socket = opened
        opened.settimeout(timeout)
        try:
            opened.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        except OSError:
            pass  # before Linux 4.12 errors come without a sentence
        self._sequence = 0
        self._lock = threading.Lock()

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def request(self, requests: Sequence[Request]) -> None:
        """Sends all, in order, and waits until each was done; raises NetlinkError for the first refused one.

        The kernel works through the others of the same batch (up to 40) nevertheless.
        """
        with self._lock:
            for start in range(0, len(requests), _BATCH):
                self._batch(requests[start : start + _BATCH])

    def transaction(self, begin: Request, requests: Sequence[Request], end: Request) -> None:
        """As `request`, all between two messages that get no acknowledgement (nfnetlink's batches)."""
        with self._lock:
            self._batch(requests, _pack(begin, REQUEST, 0), _pack(end, REQUEST, 0))

    def _batch(self, requests: Sequence[Request], before: bytes = b"", after: bytes = b"") -> None:
        first = self._sequence + 1
        self._sequence += len(requests)
        self.socket.send(before + b"".join(
            _pack(request, request.flags | REQUEST | ACK, first + number) for number, request in enumerate(requests)
        ) + after)  # fmt: skip
        waiting = len(requests)
        refused: NetlinkError | None = None
        while waiting:
            for kind, flags, sequence, body in self._receive():
                if kind != ERROR or not first <= sequence <= self._sequence:
                    continue
                waiting -= 1
                if not refused:
                    refused = _error(flags, body, requests[sequence - first].what)
        if refused:
            raise refused

    def ask(self, request: Request) -> list[tuple[int, bytes]]:
        """The (kind, body) that answer a request for one thing or for a list (flag DUMP)."""
        with self._lock:
            for _ in range(8):  # the kernel says when a list changed while it was read
                answers, interrupted = self._ask(request)
                if not interrupted:
                    break
        return answers

    def _ask(self, request: Request) -> tuple[list[tuple[int, bytes]], bool]:
        self._sequence += 1
        wants_list = request.flags & DUMP
        flags = request.flags | REQUEST | (0 if wants_list else ACK)
        self.socket.send(_pack(request, flags, self._sequence))
        found: list[tuple[int, bytes]] = []
        interrupted = False
        while True:
            for kind, flags, sequence, body in self._receive():
                if sequence != self._sequence:
                    continue
                interrupted = interrupted or bool(flags & DUMP_INTERRUPTED)
                if kind == ERROR:
                    refused = _error(flags, body, request.what)
                    if refused:
                        raise refused
                    return found, interrupted
                if kind == DONE:
                    return found, interrupted
                found.append((kind, body))

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        try:
            data, sender = self.socket.recvfrom(_BUFFER)
        except TimeoutError:
            raise NetlinkError("answer in time", errno.ETIMEDOUT) from None
        # Only the kernel has port 0; other processes may send to this socket too.
        return messages(data) if sender[0] == 0 else iter(())


def _pack(request: Request, flags: int, sequence: int) -> bytes:
    length = 16 + len(request.body)
    return _HEADER.pack(length, request.kind, flags, sequence, 0) + request.body + bytes(-length % 4)


def _error(flags: int, body: bytes, what: str) -> NetlinkError | None:
    if len(body) < 4:
        return NetlinkError(what, errno.EBADMSG)
    number = -struct.unpack_from("=i", body)[0]
    if number == 0:
        return None
    detail = ""
    if flags & ACK_ATTRIBUTES:
        quoted = 16 if flags & CAPPED or len(body) < 8 else _number(body[4:8])
        detail = _text(attributes(body[4 + ((quoted + 3) & ~3) :]).get(1, b""))
    return NetlinkError(what, abs(number), detail)


def link_body(index: int = 0, flags: int = 0, change: int = 0, family: int = 0) -> bytes:
    """struct ifinfomsg."""
    return _LINK.pack(family, 0, index, flags, change)


def address_body(address: bytes, prefix_length: int, index: int, flags: int = 0) -> bytes:
    """struct ifaddrmsg; the scope follows from the address as `ip address` does it."""
    family = _family(address)
    scope = 253 if family == socket.AF_INET6 and address[:2] == b"\xfe\x80" else 0
    return _ADDRESS.pack(family, prefix_length, flags, scope, index)


def route_body(family: int, prefix_length: int, *, scope: int = 0, kind: int = 1, table: int = 254) -> bytes:
    """struct rtmsg for a route that an administrator sets."""
    return _ROUTE.pack(family, prefix_length, 0, 0, table, 4, scope, kind, 0)


def neighbour_body(family: int, index: int, state: int = 128) -> bytes:
    """struct ndmsg; state 128 is permanent."""
    return _NEIGHBOUR.pack(family, index, state, 0, 0)


def _family(address: bytes) -> int:
    return socket.AF_INET if len(address) == 4 else socket.AF_INET6


def parse_interface(body: bytes) -> Interface | None:
    """An Interface without its addresses; None where the body is too short."""
    if len(body) < 16:
        return None
    _, kind, index, flags, _ = _LINK.unpack_from(body)
    found = attributes(body[16:])
    state = found.get(16, b"\0")[:1] or b"\0"
    operstate = OPERSTATES[state[0]] if state[0] < len(OPERSTATES) else f"state {state[0]}"
    return Interface(
        index, _text(found.get(3, b"")), found.get(1, b"")[:32], _number(found.get(4, b"")), flags, operstate, (), kind
    )


def parse_address(body: bytes) -> tuple[int, InterfaceAddress] | None:
    """(interface index, address); None where there is no address in it."""
    if len(body) < 8:
        return None
    _, prefix_length, flags, scope, index = _ADDRESS.unpack_from(body)
    found = attributes(body[8:])
    # IFA_LOCAL is ours on a point-to-point link, where IFA_ADDRESS is the peer's.
    address = found.get(2) or found.get(1) or b""
    if len(address) not in (4, 16):
        return None
    flags = _number(found[8]) if len(found.get(8, b"")) >= 4 else flags
    return index, InterfaceAddress(address, prefix_length, SCOPES.get(scope, str(scope)), bool(flags & 0x40))


def parse_route(body: bytes, names: dict[int, str]) -> Route | None:
    """A Route; `names` are the interfaces by index."""
    if len(body) < 12:
        return None
    family, prefix_length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
    size = {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family)
    if size is None:
        return None
    found = attributes(body[12:])
    index = _number(found.get(4, b""))
    gateway = found.get(5) or found.get(18, b"")[2:]  # RTA_VIA: a gateway of the other family after the family
    source = found.get(7)
    metrics = attributes(found.get(8, b""))
    return Route(
        family,
        (found.get(1, b"") + bytes(size))[:size],
        prefix_length,
        gateway if len(gateway) in (4, 16) else None,
        names.get(index, str(index)),
        index,
        source if source and len(source) == size else None,
        _number(found.get(6, b"")),
        _number(found[15]) if 15 in found else table,
        ROUTE_KINDS[kind] if kind < len(ROUTE_KINDS) else str(kind),
        _number(metrics.get(2, b"")),
    )


def parse_neighbour(body: bytes, names: dict[int, str]) -> Neighbour | None:
    """A Neighbour; None where there is no address in it."""
    if len(body) < 12:
        return None
    _, index, state, _, _ = _NEIGHBOUR.unpack_from(body)
    found = attributes(body[12:])
    if len(found.get(1, b"")) not in (4, 16):
        return None
    text = NEIGHBOUR_STATES.get(state, str(state))
    return Neighbour(found[1], found.get(2, b"")[:32], text, names.get(index, str(index)), index)


def open_netlink(host: Host) -> Netlink:
    """A Netlink of that host; use it in a `with`."""
    return Netlink(host.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE))


def _links(netlink: Netlink) -> list[Interface]:
    # IFLA_EXT_MASK: leave the statistics out.
    asked = Request(GET_LINK, DUMP, link_body() + attribute_u32(29, 8), "list the interfaces")
    answers = (parse_interface(body) for kind, body in netlink.ask(asked) if kind == NEW_LINK)
    return [interface for interface in answers if interface]


def interfaces(host: Host) -> list[Interface]:
    """All interfaces of a host with their addresses, by index."""
    with open_netlink(host) as netlink:
        found = _links(netlink)
        addresses: dict[int, list[InterfaceAddress]] = {}
        asked = Request(GET_ADDRESS, DUMP, _ADDRESS.pack(0, 0, 0, 0, 0), "list the addresses")
        for kind, body in netlink.ask(asked):
            parsed = parse_address(body) if kind == NEW_ADDRESS else None
            if parsed:
                addresses.setdefault(parsed[0], []).append(parsed[1])
    return [replace(one, addresses=tuple(addresses.get(one.index, ()))) for one in sorted(found, key=lambda i: i.index)]


def interface_named(host: Host, name: str) -> Interface:
    """The interface of that name; UsageError names those that there are."""
    found = interfaces(host)
    for interface in found:
        if interface.name == name:
            return interface
    known = ", ".join(interface.name for interface in found)
    raise UsageError(f"there is no interface {name!r} on {host.name}", remedy=f"there are: {known}")


def routes(host: Host, family: int = 0, table: int | None = 254) -> list[Route]:
    """The routes of a table (254 is the main one, None is all) of one family or (0) of both."""
    families = [family] if family else [socket.AF_INET, socket.AF_INET6]
    found: list[Route] = []
    with open_netlink(host) as netlink:
        names = {interface.index: interface.name for interface in _links(netlink)}
        for one in families:
            asked = Request(GET_ROUTE, DUMP, _ROUTE.pack(one, 0, 0, 0, 0, 0, 0, 0, 0), "list the routes")
            parsed = (parse_route(body, names) for kind, body in netlink.ask(asked) if kind == NEW_ROUTE)
            found += [route for route in parsed if route and route.family == one and table in (None, route.table)]
    return found


def neighbours(host: Host) -> list[Neighbour]:
    """The ARP and NDP cache of a host, without the rows for multicast and loopback."""
    with open_netlink(host) as netlink:
        names = {interface.index: interface.name for interface in _links(netlink)}
        asked = Request(GET_NEIGHBOUR, DUMP, _NEIGHBOUR.pack(0, 0, 0, 0, 0), "list the neighbours")
        parsed = [parse_neighbour(body, names) for kind, body in netlink.ask(asked) if kind == NEW_NEIGHBOUR]
    return [neighbour for neighbour in parsed if neighbour and neighbour.state != "noarp"]


def route_to(host: Host, address: str | bytes, *, source: str | bytes = b"", interface: int = 0) -> Route:
    """How this host would send to an address: interface, gateway and source address, as the kernel decides.

    Raises UnreachableError where there is no route.
    """
    destination = ip_bytes(address) if isinstance(address, str) else address
    origin = ip_bytes(source) if isinstance(source, str) else source
    bits = len(destination) * 8
    body = _ROUTE.pack(_family(destination), bits, len(origin) * 8, 0, 0, 0, 0, 0, 0) + attribute(1, destination)
    if origin:
        body += attribute(2, origin)
    if interface:
        body += attribute_u32(4, interface)
    remedy = "see its routes (`ip route`); an address on no attached network needs a gateway"
    with open_netlink(host) as netlink:
        try:
            answers = netlink.ask(Request(GET_ROUTE, 0, body))
        except NetlinkError as error:
            cause = f"{host.name} has no route to {ip_text(destination)}: {error}"
            raise UnreachableError(cause, remedy=remedy) from None
        found = [parse_route(body, {}) for kind, body in answers if kind == NEW_ROUTE]
        route = found[0] if found else None
        if route is None or route.kind in ("blackhole", "unreachable", "prohibit"):
            raise UnreachableError(f"{host.name} has no route to {ip_text(destination)}", remedy=remedy)
        asked = Request(GET_LINK, 0, link_body(route.interface_index) + attribute_u32(29, 8), "name an interface")
        named: Iterable[Interface | None] = (parse_interface(body) for _, body in netlink.ask(asked))
        return replace(route, interface=next((one.name for one in named if one), route.interface))
