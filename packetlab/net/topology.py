"""A topology as declared: nodes and links, checked as a whole, and from it the interfaces that will be made.

Knows nothing of namespaces, so that listing, drawing and checking a lab need no network. Every declaration may
carry `where` (file and line), which opens the sentence of an error about it.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packetlab.model.errors import UsageError
from packetlab.net.services import Service, check_services

Subnet = ipaddress.IPv4Interface | ipaddress.IPv6Interface
NODE_KINDS = ("host", "router", "nat", "switch", "hub")
BRIDGES = ("switch", "hub")
ALLOWANCES = ("duplicate-address", "overlapping-subnets", "loop", "gateway")
FIRST_INDEX = 10
MOST_NODES, MOST_LINKS = 1024, 4096
_NAME = re.compile(r"(?!(\d+|0x[0-9a-f]*)\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.I)
"""Numbers are addresses to programs: `ping 17` goes to 0.0.0.17."""
RESERVED = ("address", "via", "mac", "mtu", "dns", "routes", "forward", "outside", "stp", "run", "services",
            "localhost")  # fmt: skip
_SMALLEST_IPV6_MTU = 1280  # RFC 8200, section 5


@dataclass(slots=True)
class Node:
    """A declared host, router, NAT box, switch or hub."""

    name: str
    kind: str
    number: int
    addresses: list[Subnet] = field(default_factory=list)
    """For the first interface, or for that with the matching link in `at`."""
    at: dict[str, list[Subnet]] = field(default_factory=dict)
    """By neighbour: the addresses of the interface whose cable leads there."""
    gateways: list[str] = field(default_factory=list)
    routes: list[tuple[str, str]] = field(default_factory=list)
    """(prefix, gateway)."""
    mac: bytes = b""
    resolver: list[str] = field(default_factory=list)
    stp: bool = False
    outside: str = ""
    """Of a NAT box: the neighbour on its public side."""
    forward: list[tuple[str, int, str, int]] = field(default_factory=list)
    """Of a NAT box: (protocol, outside port, inside address, inside port)."""
    services: list[Service] = field(default_factory=list)
    where: str = ""

    @property
    def is_bridge(self) -> bool:
        """Whether it carries frames and has no address: a switch or a hub."""
        return self.kind in BRIDGES


@dataclass(slots=True)
class Link:
    """A declared cable between two nodes; with `wire` options it is a relay that delays, loses, ..."""

    near: str
    far: str
    mtu: int = 1500
    wire: dict[str, Any] = field(default_factory=dict)
    where: str = ""

    def other(self, name: str) -> str:
        """The node at the other end."""
        return self.far if name == self.near else self.near


@dataclass(frozen=True, slots=True)
class Port:
    """An interface to be made."""

    node: Node
    name: str
    index: int
    mac: bytes
    peer: str
    link: Link
    addresses: tuple[Subnet, ...]

    @property
    def has_ipv6(self) -> bool:
        """Whether an IPv6 address is declared for it; else it speaks none, not even a link-local one."""
        return any(address.version == 6 for address in self.addresses)


def subnet(text: str, where: str = "") -> Subnet:
    """An address with its prefix length, as 10.0.1.2/24 or fd00:1::2/64."""
    example = "fd00:1::2/64" if ":" in text else "10.0.1.2/24"
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        raise UsageError(f"{where}{text!r} is not an address with a prefix length", remedy=f"as {example}") from None
    if getattr(found, "scope_id", None):
        raise UsageError(f"{where}{text!r} names an interface, which no address of a host does", remedy=f"as {example}")
    if "/" not in text:
        raise UsageError(f"{where}{text!r} lacks its prefix length", remedy=f"as {text}/{example.split('/')[1]}")
    network = found.network
    plain = network.num_addresses > 2
    special = {"a multicast address": found.is_multicast, "no address of a host": found.ip.is_unspecified,
               "a loopback address": found.ip.is_loopback,
               "the address of the network itself": plain and found.ip == network.network_address
               and found.version == 4}  # fmt: skip
    for what, is_so in special.items():
        if is_so:
            raise UsageError(f"{where}{text} is {what}", remedy=f"use a host address as {example}")
    if found.version == 4 and (int(found.ip) == 0xFFFFFFFF or (plain and found.ip == network.broadcast_address)):
        raise UsageError(f"{where}{text} is the broadcast address of its network", remedy="use one below")
    return found


def is_link_local(address: str) -> bool:
    """Whether it is an IPv6 address that holds on one link only (RFC 4291, section 2.5.6)."""
    found = ipaddress.ip_address(address)
    return found.version == 6 and found.is_link_local


class Topology:
    """Nodes and links in the order of their declaration."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.links: list[Link] = []
        self.allow: set[str] = set()
        self.folder = Path()
        """Paths in declarations are relative to it."""

    def add(self, kind: str, name: str, where: str = "") -> Node:
        """A new node; its name must be free and fit for a host name."""
        if not _NAME.fullmatch(name) or len(name) > 32:
            raise UsageError(
                f"{where}{name!r} cannot be the name of a {kind}",
                remedy="use letters, digits and hyphens, at most 32, and not digits alone",
            )
        if name in RESERVED:
            raise UsageError(f"{where}{name!r} has a meaning of its own in a topology", remedy="choose another name")
        if name in self.nodes:
            raise UsageError(f"{where}there are two nodes named {name!r}", remedy="rename one of them")
        if len(self.nodes) >= MOST_NODES:
            raise UsageError(f"{where}a network has at most {MOST_NODES} nodes", remedy="build two of them")
        node = Node(name, kind, len(self.nodes) + 1, where=where)
        self.nodes[name] = node
        return node

    def connect(self, near: str, far: str, mtu: int = 1500, wire: dict[str, Any] | None = None,
                where: str = "") -> Link:  # fmt: skip
        """A cable between two declared nodes."""
        for name in (near, far):
            self.node(name, where)
        if near == far:
            raise UsageError(f"{where}{near!r} is linked to itself", remedy="a link joins two nodes")
        if not 68 <= mtu <= 65535:
            raise UsageError(f"{where}the MTU {mtu} is not between 68 and 65535", remedy="Ethernet's is 1500")
        toward = (wire or {}).get("toward", "") or near
        if toward not in (near, far):
            raise UsageError(f"{where}toward: {toward!r} is no end of {near} -- {far}", remedy=f"use {near} or {far}")
        if len(self.links) >= MOST_LINKS:
            raise UsageError(f"{where}a network has at most {MOST_LINKS} links", remedy="build two of them")
        link = Link(near, far, mtu, dict(wire or {}), where)
        self.links.append(link)
        return link

    def node(self, name: str, where: str = "") -> Node:
        """The node of that name."""
        if name not in self.nodes:
            known = ", ".join(self.nodes) or "none"
            raise UsageError(f"{where}there is no node {name!r}", remedy=f"declared are: {known}")
        return self.nodes[name]

    def link_between(self, near: str, far: str) -> Link | None:
        """The first cable between two nodes."""
        return next((link for link in self.links if {link.near, link.far} == {near, far}), None)

    def links_of(self, name: str) -> list[Link]:
        """The cables that end at a node."""
        return [link for link in self.links if name in (link.near, link.far)]

    def ports(self) -> list[tuple[Port, Port]]:
        """Both ends of every link, with names, indexes, MACs and addresses. Checks nothing; see `check`."""
        counts: dict[str, int] = {}
        left = {name: {peer: list(found) for peer, found in node.at.items()} for name, node in self.nodes.items()}
        pairs = []
        index = FIRST_INDEX
        for link in self.links:
            ends = []
            for name in (link.near, link.far):
                node, peer = self.nodes[name], link.other(name)
                number = counts.get(name, 0)
                counts[name] = number + 1
                addresses = left[name].pop(peer, [])
                if number == 0:
                    addresses = [*node.addresses, *addresses]
                label = f"port{number + 1}" if node.is_bridge else f"eth{number}"
                mac = node.mac if node.mac and number == 0 else bytes([2, 0, 0, node.number >> 8, node.number & 255,
                                                                       (number + 1) & 255])  # fmt: skip
                ends.append(Port(node, label, index, mac, peer, link, tuple(addresses)))
                index += 1
            pairs.append((ends[0], ends[1]))
        return pairs

    def segments(self) -> list[list[Port]]:
        """The ports that hear each other's broadcasts, by broadcast domain (bridge ports are left out)."""
        group: dict[str, str] = {}

        def find(item: str) -> str:
            while group.setdefault(item, item) != item:
                item = group[item]
            return item

        pairs = self.ports()
        for number, pair in enumerate(pairs):
            for port in pair:
                if port.node.is_bridge:
                    group[find(f"#{number}")] = find(port.node.name)
        found: dict[str, list[Port]] = {}
        for number, pair in enumerate(pairs):
            found.setdefault(find(f"#{number}"), []).extend(port for port in pair if not port.node.is_bridge)
        return list(found.values())

    def check(self) -> None:
        """Raises UsageError for the first thing that cannot work, unless `allow` names it."""
        unknown = self.allow - set(ALLOWANCES)
        if unknown:
            raise UsageError(f"allow: {sorted(unknown)[0]!r} is unknown", remedy=f"there are: {', '.join(ALLOWANCES)}")
        for node in self.nodes.values():
            self._check_node(node)
        if "loop" not in self.allow:
            self._check_loops()
        segments = self.segments()
        if "duplicate-address" not in self.allow:
            self._check_duplicates(segments)
        if "overlapping-subnets" not in self.allow:
            self._check_overlap(segments)
        self._check_mtu()
        if "gateway" not in self.allow:
            self._check_gateways()
        check_services(self)

    def _check_node(self, node: Node) -> None:
        links = self.links_of(node.name)
        if (node.addresses or node.at) and node.is_bridge:
            raise UsageError(f"{node.where}the {node.kind} {node.name} cannot have addresses", remedy="use a router")
        for peer in (*node.at, *([node.outside] if node.outside else [])):
            self.node(peer, node.where)
            if self.link_between(node.name, peer) is None:
                raise UsageError(
                    f"{node.where}{node.name} has an address towards {peer}, but no link there",
                    remedy=f"add the link {node.name} -- {peer}",
                )
        if node.kind == "nat" and not node.outside:
            raise UsageError(
                f"{node.where}the NAT box {node.name} does not say which side is outside",
                remedy="as outside: NEIGHBOUR",
            )
        if node.mac and (node.mac[0] & 1 or not any(node.mac)):
            raise UsageError(f"{node.where}the MAC address {node.mac.hex(':')} of {node.name} cannot be that of a node",
                             remedy="the first byte is even, as in 02:00:00:00:00:99")  # fmt: skip
        for prefix, gateway in node.routes:
            if prefix != "default" and (":" in prefix) != (":" in gateway):
                raise UsageError(f"{node.where}the route of {node.name} to {prefix} has the gateway {gateway}, which"
                                 " is of the other IP version", remedy="IPv4 over IPv4, IPv6 over IPv6")  # fmt: skip
        taken = {(protocol, port) for protocol, port, _, _ in node.forward}
        if len(taken) < len(node.forward):
            raise UsageError(f"{node.where}{node.name} forwards one port twice", remedy="only the first would count")
        if node.addresses and not links:
            raise UsageError(f"{node.where}{node.name} has an address but no link", remedy="link it to a switch")

    def closing_link(self, *, trees: bool = True) -> Link | None:
        """The first link by which switches and hubs form a loop; without `trees`, one that no spanning tree opens."""
        group = {name: name for name in self.nodes}

        def find(name: str) -> str:
            while group[name] != name:
                name = group[name]
            return name

        for link in self.links:
            near, far = self.nodes[link.near], self.nodes[link.far]
            if not (near.is_bridge and far.is_bridge) or (not trees and near.stp and far.stp):
                continue
            if find(near.name) == find(far.name):
                return link
            group[find(near.name)] = find(far.name)
        return None

    def _check_loops(self) -> None:
        if link := self.closing_link(trees=False):
            raise UsageError(
                f"{link.where}the link {link.near} -- {link.far} closes a loop: a broadcast would circle for ever",
                remedy="remove one of its links, or let the switches run the spanning tree (stp: true)",
            )

    def _check_mtu(self) -> None:
        for pair in self.ports():
            link = pair[0].link
            if link.mtu < _SMALLEST_IPV6_MTU and any(port.has_ipv6 for port in pair):
                raise UsageError(
                    f"{link.where}the MTU {link.mtu} of {link.near} -- {link.far} is too small for IPv6",
                    remedy=f"{_SMALLEST_IPV6_MTU} is the least, or take the IPv6 addresses away",
                )

    @staticmethod
    def _check_duplicates(segments: Iterable[list[Port]]) -> None:
        for segment in segments:
            owners: dict[Any, str] = {}
            marks = [(port, port.mac.hex(":")) for port in segment]
            for port, mark in [*marks, *((port, address.ip) for port, address in _addresses(segment))]:
                if mark in owners:
                    raise UsageError(
                        f"{port.node.where}{owners[mark]} and {port.node.name} on one link both have {mark}",
                        remedy="give one another address, or allow: [duplicate-address]",
                    )
                owners[mark] = port.node.name

    @staticmethod
    def _check_overlap(segments: Iterable[list[Port]]) -> None:
        seen: list[tuple[Any, int, str]] = []
        for number, segment in enumerate(segments):
            networks = {
                address.network: port for port, address in _addresses(segment) if not address.network.is_link_local
            }
            for network, port in networks.items():
                for other, segment_number, name in seen:
                    if other.version == network.version and segment_number != number and other.overlaps(network):
                        raise UsageError(
                            f"{port.node.where}the subnets {other} (of {name}) and {network} (of {port.node.name})"
                            " overlap, but are on different links",
                            remedy="number one of them differently, or allow: [overlapping-subnets]",
                        )
            seen += [(network, number, port.node.name) for network, port in networks.items()]

    def _check_gateways(self) -> None:
        mine: dict[str, list[Subnet]] = {}
        for pair in self.ports():
            for port in pair:
                mine.setdefault(port.node.name, []).extend(port.addresses)
        for node in self.nodes.values():
            defaults = [*node.gateways, *(gateway for prefix, gateway in node.routes if prefix == "default")]
            for text in [*node.gateways, *(gateway for _, gateway in node.routes)]:
                if problem := _no_gateway(ipaddress.ip_address(text), mine.get(node.name, ())):
                    raise UsageError(f"{node.where}the gateway {text} of {node.name} {problem}",
                                     remedy="a gateway is a router on the same link; or allow: [gateway]")  # fmt: skip
            if len({":" in text for text in defaults}) < len(defaults):
                raise UsageError(f"{node.where}{node.name} has two default gateways: {', '.join(defaults)}",
                                 remedy="keep one, and declare routes over the other; or allow: [gateway]")  # fmt: skip


def _no_gateway(gateway: Any, mine: Iterable[Subnet]) -> str:
    """Why this cannot be the gateway of a node with these addresses, or ""."""
    if is_link_local(str(gateway)):
        return ""
    near = [address for address in mine if address.version == gateway.version and gateway in address.network]
    if not near:
        return "is in none of its subnets"
    if any(gateway == address.ip for address in near):
        return "is its own address"
    ends = [end for address in near if address.version == 4 and address.network.prefixlen < 31
            for end in (address.network.network_address, address.network.broadcast_address)]  # fmt: skip
    return "is no address of a host" if gateway in ends else ""


def _addresses(ports: Iterable[Port]) -> Iterator[tuple[Port, Subnet]]:
    for port in ports:
        for address in port.addresses:
            yield port, address
