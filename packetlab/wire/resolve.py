"""From what people type (a name, an address, fe80::1%eth0) to an address, and from where packets to it leave.

Names are looked up by the system of the machine that packetlab runs on; for a host of a virtual network, among the
names of its network, then by the DNS servers that it asks. Every way to fail has its own sentence.
"""

import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from packetlab.model.addresses import ip_text
from packetlab.model.errors import UnreachableError, UsageError
from packetlab.wire.host import Host, KnowsNames, LocalHost

MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class Target:
    """Who is meant, and how packets to it leave this host."""

    name: str
    """As it was typed, in printable characters."""
    address: bytes
    """4 or 16 bytes."""
    source: bytes
    """Our address on the way there."""
    interface: str
    """The interface that it leaves through."""
    next_hop: bytes
    """Whose link-layer address the frame is sent to: the host itself, or a router."""
    others: tuple[bytes, ...] = ()
    """Further addresses of that name, in the order in which they should be tried: the families take turns."""

    @property
    def family(self) -> int:
        """4 or 6."""
        return 4 if len(self.address) == 4 else 6

    def __str__(self) -> str:
        text = ip_text(self.address)
        return text if self.name in (text, f"{text}%{self.interface}") else f"{self.name} ({text})"


def resolve(name: str, *, family: int = 0, via: Host | None = None, interface: str = "") -> Target:
    """Find the address of a host and the way to it. `family` is 0 (either), 4 or 6.

    UnreachableError: unknown name, no address of that family, no route, no such interface.
    UsageError: not a possible name.
    """
    if family not in (0, 4, 6):
        raise UsageError(f"there is no address family {family}", remedy="use 4 or 6, or 0 for either")
    host = via or LocalHost()
    shown = "".join(each if each.isprintable() else "?" for each in name[:80])
    text, _, zone = name.partition("%")
    addresses = _literal(text, shown, family) or _lookup(name, shown, family, host)
    return _route(shown, addresses, host, interface or zone)


def _literal(text: str, shown: str, family: int) -> list[bytes]:
    try:
        found = ip_address(text)
    except ValueError:
        return []
    if family and found.version != family:
        raise UnreachableError(
            f"{shown} is an IPv{found.version} address, and IPv{family} was asked for",
            remedy=f"leave out -{family}, or give an IPv{family} address",
        )
    return [found.packed]


def _lookup(name: str, shown: str, family: int, host: Host) -> list[bytes]:
    if not name or len(name) > MAX_NAME or not name.isprintable() or " " in name:
        raise UsageError(f"{shown!r} cannot be the name of a host", remedy="give a name or an IP address")
    if isinstance(host, KnowsNames):
        return _lookup_inside(name, shown, family, host)
    if not isinstance(host, LocalHost):
        raise UnreachableError(
            f"{host.name} of a virtual network has no names to look up: {shown}", remedy="give an IP address"
        )
    wanted = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[family]
    try:
        answers = socket.getaddrinfo(name, None, wanted, socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as error:
        code = getattr(error, "errno", None)
        if family and code in (socket.EAI_NONAME, socket.EAI_NODATA, getattr(socket, "EAI_ADDRFAMILY", -9)):
            try:
                socket.getaddrinfo(name, None)
            except (socket.gaierror, UnicodeError):
                pass
            else:
                raise _not_of_family(shown, family) from None
        raise (_no_answer(shown) if code == socket.EAI_AGAIN else _unknown(shown)) from None
    found: list[bytes] = []
    for _, _, _, _, address in answers:
        packed = ip_address(str(address[0]).partition("%")[0]).packed
        if packed not in found:
            found.append(packed)
    return found


def _lookup_inside(name: str, shown: str, family: int, host: Any) -> list[bytes]:
    """For a host of a virtual network; IPv6 stands first (RFC 6724), and what has no route is passed over later."""
    own = [ip_address(each).packed for each in host.own_names(name)]

    def known(size: int) -> list[bytes]:
        return [each for each in (own or _ask_servers(name, shown, size, host)) if len(each) == size]

    wanted = {0: (16, 4), 4: (4,), 6: (16,)}[family]
    found = [each for size in wanted for each in known(size)]
    if found:
        return list(dict.fromkeys(found))
    if family and known(20 - wanted[0]):
        raise _not_of_family(shown, family)
    raise _unknown(shown)


def _ask_servers(name: str, shown: str, size: int, host: Host) -> list[bytes]:
    from packetlab.application.dns import AAAA, A
    from packetlab.wire.verbs.dns import NoAnswerError, dns, name_servers

    try:
        name_servers(host)
    except UsageError:
        raise _unknown(shown) from None
    try:
        answers = dns(name, "A" if size == 4 else "AAAA", via=host).message.answers
    except (NoAnswerError, UnreachableError):
        raise _no_answer(shown) from None
    return [one.address for one in answers if isinstance(one, A | AAAA)]


def _unknown(shown: str) -> UnreachableError:
    return UnreachableError(f"the name {shown} is unknown", remedy="check its spelling, or give an IP address")


def _no_answer(shown: str) -> UnreachableError:
    return UnreachableError(f"the name {shown} could not be looked up: no name server answered",
                            remedy="check the connection and /etc/resolv.conf, or give an IP address")  # fmt: skip


def _not_of_family(shown: str, family: int) -> UnreachableError:
    return UnreachableError(f"{shown} has no IPv{family} address", remedy=f"try it with -{10 - family}")


def _route(shown: str, addresses: list[bytes], host: Host, interface: str) -> Target:
    problem: UnreachableError | None = None
    for address in addresses:
        others = _alternating(address, [each for each in addresses if each != address])
        try:
            return _way(shown, address, others, host, interface)
        except UnreachableError as error:
            problem = error
    raise problem or UnreachableError(f"the name {shown} has no address", remedy="give an IP address")


def another(target: Target, address: bytes, *, via: Host | None = None) -> Target:
    """The same name at another of its addresses. UnreachableError where no route leads there."""
    others = tuple(each for each in target.others if each != address)
    return _way(target.name, address, others, via or LocalHost(), "")


def _alternating(first: bytes, rest: list[bytes]) -> tuple[bytes, ...]:
    """RFC 8305 section 4: after the first, addresses of the two families take turns, each in the system's order."""
    other = [each for each in rest if len(each) != len(first)]
    same = [each for each in rest if len(each) == len(first)]
    found: list[bytes] = []
    while other or same:
        found += [queue.pop(0) for queue in (other, same) if queue]
    return tuple(found)


def _way(shown: str, address: bytes, others: tuple[bytes, ...], host: Host, interface: str) -> Target:
    from packetlab.wire.netlink import interface_named, interfaces, route_to

    index = interface_named(host, interface).index if interface else 0
    if address[:2] == b"\xfe\x80" and not index:
        usable = [one.name for one in interfaces(host) if one.is_up and not one.is_loopback]
        raise UnreachableError(
            f"{shown} is a link-local address: it exists on every link, so the link must be named",
            remedy=f"-I {usable[0] if usable else 'INTERFACE'}, or write {shown}%{usable[0] if usable else 'eth0'}",
        )
    route = route_to(host, address, interface=index)
    source = route.source or _source(host, address, interface)
    return Target(shown, address, source, route.interface, route.next_hop, others)


def _source(host: Host, address: bytes, interface: str) -> bytes:
    """The source address that the kernel would pick, asked by connecting a datagram socket (nothing is sent)."""
    six = len(address) == 16
    with host.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            if interface:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            sock.connect((ip_text(address), 9))
        except OSError as error:
            raise UnreachableError(
                f"this host has no address to send to {ip_text(address)} from: {error.strerror}",
                remedy="packetlab interfaces shows addresses and routes",
            ) from None
        return socket.inet_pton(sock.family, sock.getsockname()[0].partition("%")[0])
