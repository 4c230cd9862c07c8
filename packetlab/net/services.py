"""Services of hosts as declared, one sentence each; spec.py documents the language for those who write topologies.

    echo [PORT]                         TCP and UDP, port 7
    http [PORT] [FOLDER]                port 80; the files of a folder, or what the path asks for: /delay/2, /status/503
    https [PORT] [FOLDER]               port 443; certificate by the network's own authority
    dns [DOMAIN]                        port 53; the network's hosts below DOMAIN (test), and their addresses
    dns FILE.zone [ORIGIN]              a zone from a master file
    dns recursive ROOT ...              asks from these root servers down
    dhcp FIRST-LAST [router ADDRESS] [dns ADDRESS] [domain NAME] [lease SECONDS]
    run: COMMAND                        any program; `run 8080: COMMAND` waits until it listens there

Reading one checks all that can be known without a network, and says what is wrong with file, line and remedy.
Paths are relative to `folder`, which is that of the YAML file. serving.py starts what is declared here.
"""

import difflib
import ipaddress
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.net.topology import Node, Port, Topology

EXAMPLES = {"echo": "echo 7", "http": "http 80 ./site", "https": "https 443 ./site", "dns": "dns lab.test",
            "dhcp": "dhcp 10.0.0.100-10.0.0.150", "run": "run: python3 server.py"}  # fmt: skip
PORTS = {"echo": 7, "http": 80, "https": 443, "dns": 53, "dhcp": 67, "run": 0}
MOST = 64
"""Services of one host."""
MOST_NAME_SERVERS = 3
"""In a resolv.conf; programs look at no more."""
ZONE_SUFFIX = ".zone"
_DOMAIN = re.compile(r"(?=.{1,200}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*",
                     re.I)  # fmt: skip
_RUN = re.compile(r"run(?:\s+(\d+))?\s*(?::\s*(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Service:
    """One service of one host."""

    kind: str
    text: str
    """As it was declared: "http 80 ./site"."""
    where: str
    port: int = 0
    """run: 0 where none was given."""
    path: Path | None = None
    """http: the folder; dns: the master file; run: the folder in which it starts."""
    domain: str = ""
    """dns: the names' end, or the zone's origin."""
    roots: tuple[str, ...] = ()
    """dns recursive: addresses, or names of hosts."""
    options: Mapping[str, str] = field(default_factory=dict)
    """dhcp: first, last, router, dns, domain, lease."""
    command: str = ""

    def wrong(self, what: str, remedy: str = "") -> UsageError:
        """An error about this service."""
        return UsageError(f"{self.where}{what}", remedy=remedy)

    @property
    def sockets(self) -> tuple[tuple[str, int], ...]:
        """The (protocol, port) pairs that it takes."""
        both = ("TCP", "UDP")
        protocols = {"echo": both, "dns": both, "dhcp": both[1:], "run": ()}.get(self.kind, both[:1])
        return tuple((protocol, self.port) for protocol in protocols)


def read_service(text: str, where: str, folder: Path) -> Service:
    """The service that a sentence declares."""
    match = _RUN.fullmatch(text.strip())
    if match is not None:
        return _run(text.strip(), match, where, folder)
    kind, _, rest = text.strip().partition(" ")
    kind = kind.rstrip(":")
    if kind not in EXAMPLES:
        near = difflib.get_close_matches(kind, EXAMPLES, n=1)
        hint = f"did you mean {near[0]}? " if near else "a program is declared as run: COMMAND; "
        raise UsageError(f"{where}there is no service {kind!r}", remedy=f"{hint}there are: {', '.join(EXAMPLES)}")
    if kind == "run":
        raise UsageError(f"{where}{text!r} lacks its colon", remedy=f"as {EXAMPLES[kind]}, or run 8080: COMMAND")
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"{where}{text!r}: {error}", remedy=f"as {EXAMPLES[kind]}") from None
    plain = " ".join([kind, *words])
    reader = {"echo": _echo, "http": _http, "https": _http, "dns": _dns, "dhcp": _dhcp}[kind]
    return reader(kind, plain, words, where, folder)


def _run(text: str, match: re.Match[str], where: str, folder: Path) -> Service:
    port, command = match.groups()
    if not command or not command.strip():
        raise UsageError(f"{where}{text!r} does not say which command", remedy=f"as {EXAMPLES['run']}")
    if not folder.is_dir():
        raise UsageError(f"{where}there is no folder {folder} to run commands in")
    number = _port(port, where, "run 8080: python3 server.py") if port else 0
    return Service("run", f"run{' ' + port if port else ''}: {command.strip()}", where, number, folder,
                   command=command.strip())  # fmt: skip


def _port(text: str, where: str, example: str) -> int:
    if not text.isascii() or len(text) > 5 or not 0 < int(text) < 65536:
        raise UsageError(f"{where}{text} is no port: it is a number from 1 to 65535", remedy=f"as {example}")
    return int(text)


def _port_and_rest(kind: str, words: list[str], where: str) -> tuple[int, list[str]]:
    """The port, which is the only word that is a number, wherever it stands."""
    numbers = [word for word in words if word.isdecimal()]
    if len(numbers) > 1:
        raise UsageError(f"{where}{kind} has two ports, {numbers[0]} and {numbers[1]}", remedy="declare it twice")
    port = _port(numbers[0], where, EXAMPLES[kind]) if numbers else PORTS[kind]
    return port, [word for word in words if not word.isdecimal()]


def _no_more(kind: str, words: list[str], where: str) -> None:
    if words:
        raise UsageError(f"{where}{kind} does not know what to do with {' '.join(words)!r}",
                         remedy=f"as {EXAMPLES[kind]}")  # fmt: skip


def _echo(kind: str, text: str, words: list[str], where: str, folder: Path) -> Service:
    port, rest = _port_and_rest(kind, words, where)
    _no_more(kind, rest, where)
    return Service(kind, text, where, port)


def _http(kind: str, text: str, words: list[str], where: str, folder: Path) -> Service:
    port, rest = _port_and_rest(kind, words, where)
    _no_more(kind, rest[1:], where)
    if not rest:
        return Service(kind, text, where, port)
    path = folder / Path(rest[0]).expanduser()
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "does not exist"
        raise UsageError(f"{where}the folder {rest[0]} of {kind} {what}",
                         remedy=f"paths are relative to {folder}; as {EXAMPLES[kind]}")  # fmt: skip
    return Service(kind, text, where, port, path)


def _dns(kind: str, text: str, words: list[str], where: str, folder: Path) -> Service:
    if words and words[0] == "recursive":
        if len(words) == 1:
            raise UsageError(f"{where}dns recursive does not say whom to ask", remedy="as dns recursive 10.0.0.53")
        return Service(kind, text, where, 53, roots=tuple(words[1:]))
    if words and ("/" in words[0] or words[0].endswith(ZONE_SUFFIX)):
        _no_more(kind, words[2:], where)
        path = folder / Path(words[0]).expanduser()
        if not path.is_file():
            raise UsageError(f"{where}there is no file {words[0]} with the zone",
                             remedy=f"paths are relative to {folder}; as dns names.zone shop.test")  # fmt: skip
        return Service(kind, text, where, 53, path, _domain(words[1], where) if len(words) > 1 else "")
    _no_more(kind, words[1:], where)
    domain = words[0] if words else "test"
    if (folder / domain).is_file():
        raise UsageError(f"{where}{domain!r} is a file here, and a domain is meant", remedy=f"as dns ./{domain}")
    return Service(kind, text, where, 53, domain=_domain(domain, where))


def _domain(text: str, where: str) -> str:
    if text == ".":
        return text
    if not _DOMAIN.fullmatch(text.rstrip(".")) or text.rstrip(".").isdecimal():
        raise UsageError(f"{where}{text!r} is no domain",
                         remedy=f"as {EXAMPLES['dns']}; a file ends in {ZONE_SUFFIX}, or has a /")  # fmt: skip
    return text.rstrip(".").lower()


def _dhcp(kind: str, text: str, words: list[str], where: str, folder: Path) -> Service:
    example = EXAMPLES[kind]
    first, dash, last = (words[0] if words else "").partition("-")
    if not dash:
        raise UsageError(f"{where}dhcp does not say which addresses it gives out", remedy=f"as {example}")
    options = {"first": _ipv4(first, where, example), "last": _ipv4(last, where, example)}
    if int(ipaddress.IPv4Address(first)) > int(ipaddress.IPv4Address(last)):
        raise UsageError(f"{where}the range {words[0]} ends before it begins", remedy=f"as {example}")
    rest = words[1:]
    while rest:
        name = rest[0]
        if name not in ("router", "dns", "domain", "lease") or len(rest) < 2:
            raise UsageError(f"{where}dhcp does not know what to do with {' '.join(rest)!r}",
                             remedy=f"as {example} router 10.0.0.1 dns 10.0.0.53 lease 600")  # fmt: skip
        value, rest = rest[1], rest[2:]
        if name in ("router", "dns"):
            _ipv4(value, where, f"{name} 10.0.0.1")
        elif name == "domain":
            value = _domain(value, where)
        elif not (value.isascii() and value.isdecimal() and 0 < int(value[:10]) < 1 << 31):
            raise UsageError(f"{where}the lease {value!r} is no number of seconds", remedy="as lease 600")
        options[name] = value
    return Service(kind, text, where, 67, options=options)


def _ipv4(text: str, where: str, example: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise UsageError(f"{where}{text!r} is no IPv4 address", remedy=f"as {example}") from None


# ------------------------------------------------------------ the services of a topology


def check_services(topology: "Topology") -> None:
    """Raises UsageError for the first service that cannot work where it was declared."""
    for node in topology.nodes.values():
        taken: dict[tuple[str, int], Service] = {}
        for service in node.services:
            if node.is_bridge:
                raise service.wrong(f"the {node.kind} {node.name} has no address and can offer no {service.kind}",
                                    "declare it under a host")  # fmt: skip
            for each in service.sockets:
                other = taken.setdefault(each, service)
                if other is not service and not (service.kind == other.kind == "dns"):
                    raise service.wrong(f"{node.name} has both {other.text!r} and {service.text!r} on {each[0]} port"
                                        f" {each[1]}", "give one of them another port, or another host")  # fmt: skip
            if service.kind == "dhcp":
                dhcp_port(topology, node, service)
            for root in service.roots:
                root_addresses(topology, service, root)
        names = [service for service in node.services if service.kind == "dns"]
        if len(names) > 1 and any(service.roots for service in names):
            raise names[-1].wrong(f"{node.name} is a recursive DNS server and another one as well",
                                  "give them a host each")  # fmt: skip
        if len(node.services) > MOST:
            raise UsageError(f"{node.where}{node.name} has more than {MOST} services")


def ports_of(topology: "Topology", node: "Node") -> Iterator["Port"]:
    """The interfaces of a node."""
    return (port for pair in topology.ports() for port in pair if port.node is node)


def dhcp_port(topology: "Topology", node: "Node", service: Service) -> "tuple[Port, ipaddress.IPv4Interface]":
    """The interface, and its address, in whose network the range of a DHCP service lies."""
    ends = [ipaddress.IPv4Address(service.options[name]) for name in ("first", "last")]
    for port in ports_of(topology, node):
        for address in port.addresses:
            if isinstance(address, ipaddress.IPv4Interface) and all(end in address.network for end in ends):
                return port, address
    has = ", ".join(str(one) for port in ports_of(topology, node) for one in port.addresses) or "none"
    raise service.wrong(f"the range {ends[0]}-{ends[1]} is in no network of {node.name} (it has {has})",
                        "a DHCP server is on the link that it serves")  # fmt: skip


def root_addresses(topology: "Topology", service: Service, root: str) -> list[str]:
    """The addresses of a root server that was given as an address, or as the name of a host."""
    try:
        return [str(ipaddress.ip_address(root))]
    except ValueError:
        pass
    node = topology.nodes.get(root)
    found = [str(one.ip) for port in ports_of(topology, node) for one in port.addresses] if node else []
    if not found:
        raise service.wrong(f"dns recursive: {root!r} is neither an address nor a host with one",
                            "as dns recursive 10.0.0.53")  # fmt: skip
    return found


def name_servers(topology: "Topology", all_ports: "Iterable[Port]") -> "list[tuple[str, list[Any]]]":
    """The hosts with DNS servers, those first that know most: (name, addresses with their networks)."""
    ports = list(all_ports)
    found: list[tuple[int, str, list[Any]]] = []
    for node in topology.nodes.values():
        mine = [service for service in node.services if service.kind == "dns"]
        if mine:
            rank = min(0 if one.roots else 2 if one.path else 1 for one in mine)
            found.append((rank, node.name, [one for port in ports if port.node is node for one in port.addresses]))
    found.sort(key=lambda row: row[0])
    return [(name, addresses) for _, name, addresses in found]


def resolvers(own: "Iterable[Any]", servers: "Iterable[tuple[str, list[Any]]]") -> list[str]:
    """What a host with the addresses `own` asks: of each DNS server the nearest address that it can speak with."""
    mine = list(own)
    chosen = []
    for _, addresses in servers:
        near = [one for one in addresses if any(one.ip in two.network for two in mine if two.version == one.version)]
        usable = near or [one for one in addresses if any(two.version == one.version for two in mine)]
        if usable:
            chosen.append(str(usable[0].ip))
    return chosen[:MOST_NAME_SERVERS]
