"""A virtual network: real kernel hosts, switches and routers in namespaces, for the time of a `with` block.

    net = Network()
    net.host("client", "10.0.0.1/24"); net.host("server", "10.0.0.2/24"); net.switch("sw")
    net.link("client", "sw"); net.link("server", "sw")
    with net:
        net["client"].run(["ping", "-c1", "server"])

Or `Network.from_spec(text)` with the declared language of spec.py. Building sends everything in batches: one
request to the holder for all namespaces, one netlink batch per node, and waits until every interface is up. The
settings of settings.py are the cures for what makes a lab network noisy or unrepeatable; each says why.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from packetlab.model.addresses import ip_bytes, mac_bytes
from packetlab.model.errors import PacketLabError, UsageError
from packetlab.net import links, nftables
from packetlab.net.host import VirtualHost, route_request
from packetlab.net.impairment import read_impairment
from packetlab.net.namespaces import Namespaces
from packetlab.net.process import DEVNULL, PIPE, STDOUT
from packetlab.net.services import check_services
from packetlab.net.serving import AUTHORITY, TRUST, RunningService, Services
from packetlab.net.settings import node_settings
from packetlab.net.topology import FIRST_INDEX, Node, Port, Topology, is_link_local, subnet
from packetlab.net.wires import FAR, NEAR, Wire
from packetlab.wire.netlink import Netlink, Request

if TYPE_CHECKING:
    from packetlab.net.servers.certificates import CertificateAuthority

__all__ = ["DEVNULL", "PIPE", "STDOUT", "Network", "VirtualHost"]

_BRIDGE = "br0"
_BRIDGE_INDEX = 2


class Network:
    """A topology that can be brought up. Declare first, then `with net:` (or start() and close())."""

    def __init__(self, name: str = "network") -> None:
        self.name = name
        self.topology = Topology()
        self._handles: dict[str, VirtualHost] = {}
        self._namespaces: Namespaces | None = None
        self._stack = contextlib.ExitStack()
        self._netlinks: list[Netlink] = []
        self._spaces: list[int] = []
        self._cables: list[tuple[Port, Port]] = []
        self._ports: dict[str, list[Port]] = {}
        self._host_table = ""
        self._wires: list[Wire] = []
        self._services = Services(self)

    @classmethod
    def from_spec(cls, spec: "str | Path | Mapping[str, Any]", *, name: str = "", source: str = "",
                  first_line: int = 1) -> Self:  # fmt: skip
        """A network from a mapping, YAML text or the path of a YAML file; spec.py describes the language.

        `source` and `first_line` say in errors where a text comes from.
        """
        from packetlab.net.spec import read_spec

        network = cls(name or (spec.stem if isinstance(spec, Path) else "network"))
        read_spec(spec, network.topology, source=source, first_line=first_line)
        return network

    # -- declaring

    def host(self, name: str, *addresses: str, via: str | Sequence[str] = (), at: Mapping[str, str] | None = None,
             mac: str = "", dns: str | Sequence[str] = (), routes: Mapping[str, str] | None = None,
             services: str | Sequence[str] = (), kind: str = "host") -> VirtualHost:  # fmt: skip
        """Declares a host. `addresses` go to its first interface, `at` gives those towards a neighbour.

        `services` are sentences as in spec.py: ["echo", "http 80 ./site", "run: python3 server.py"].
        """
        node = self._declare(kind, name)
        node.addresses = [subnet(text) for text in addresses]
        node.at = {peer: [subnet(text) for text in found.split()] for peer, found in (at or {}).items()}
        node.gateways = [via] if isinstance(via, str) else list(via)
        for gateway in node.gateways:
            ip_bytes(gateway)
        node.mac = mac_bytes(mac) if mac else b""
        node.resolver = [dns] if isinstance(dns, str) else list(dns)
        node.routes = list((routes or {}).items())
        self.serve(name, *([services] if isinstance(services, str) else services))
        return self[name]

    def router(self, name: str, at: Mapping[str, str], *, via: str | Sequence[str] = (),
               routes: Mapping[str, str] | None = None) -> VirtualHost:  # fmt: skip
        """Declares a router: `at` gives its addresses by neighbour: {"left": "10.0.1.1/24 fd00:1::1/64"}."""
        return self.host(name, at=at, via=via, routes=routes, kind="router")

    def nat(self, name: str, at: Mapping[str, str], *, outside: str, via: str | Sequence[str] = (),
            forward: Sequence[tuple[str, int, str, int]] = ()) -> VirtualHost:  # fmt: skip
        """Declares a router that hides its other sides behind its address towards the neighbour `outside`.

        `forward`: (protocol, outside port, inside address, inside port), as ("tcp", 8080, "192.168.1.2", 80).
        """
        box = self.host(name, at=at, via=via, kind="nat")
        box.node.outside, box.node.forward = outside, list(forward)
        return box

    def switch(self, name: str, *, stp: bool = False) -> VirtualHost:
        """Declares a switch."""
        self._declare("switch", name).stp = stp
        return self[name]

    def hub(self, name: str) -> VirtualHost:
        """Declares a hub: every frame leaves at every other port."""
        self._declare("hub", name)
        return self[name]

    def link(self, near: str, far: str, *more: str, mtu: int = 1500, **wire: Any) -> None:
        """Declares cables: link("client", "sw", "server") is a chain of two. `wire` are the fields of Impairment."""
        self._must_be_down()
        for one, other in zip((near, far, *more), (far, *more), strict=False):
            read_impairment(wire, f"the link {one} -- {other}: ")
            self.topology.connect(one, other, mtu, wire)

    def serve(self, name: str, *services: str) -> None:
        """Declares services of a host ("http 80 ./site"; see spec.py), and starts them if the network is up."""
        from packetlab.net.spec import Item, read_services

        node = self.topology.node(name)
        where = f"the services of {name}: "
        found = read_services(Item([Item(text, where) for text in services], where), Path.cwd())
        node.services += found
        if self._namespaces:
            try:
                check_services(self.topology)
                self._services.look_again()
                for host in self if any(one.kind in ("dns", "https") for one in found) else ():
                    self._show_files(host)
                self._services.start([(self[name], one) for one in found])
            except BaseException:
                del node.services[-len(found) :]
                raise

    def _declare(self, kind: str, name: str) -> Node:
        self._must_be_down()
        return self.topology.add(kind, name)

    def _must_be_down(self) -> None:
        if self._namespaces:
            raise UsageError(f"{self.name} is up and takes no more nodes or links", remedy="declare all before `with`")

    # -- looking

    def __getitem__(self, name: str) -> VirtualHost:
        node = self.topology.node(name)
        return self._handles.setdefault(name, VirtualHost(self, node))

    def __contains__(self, name: object) -> bool:
        return name in self.topology.nodes

    def __iter__(self) -> Iterator[VirtualHost]:
        return (self[name] for name in self.topology.nodes)

    def diagram(self, width: int = 80) -> str:
        """The topology as plain text; see diagram.py."""
        from packetlab.net.diagram import draw

        return draw(self.topology, width)

    @property
    def hosts(self) -> list[VirtualHost]:
        """The nodes of kind "host"."""
        return [node for node in self if node.kind == "host"]

    def wire(self, one: str, other: str) -> Wire:
        """The running wire of a link that was declared with delay, loss, ..."""
        self._running()
        for wire in self._wires:
            if {wire.near, wire.far} == {one, other}:
                return wire
        raise UsageError(f"the link {one} -- {other} is a plain cable", remedy='declare it with options: delay="1ms"')

    @property
    def services(self) -> list[RunningService]:
        """The services that were started: `state`, and `output()`, of each."""
        return list(self._services.running)

    def service(self, host: str, declared: str = "") -> RunningService:
        """A service of a host that was started: the one whose declaration begins so ("http", "run 8080"), or the only
        one. To be asked for its `state`, stopped and started again.
        """
        found = [one for one in self.services if one.host is self[host] and one.service.text.startswith(declared)]
        if len(found) != 1:
            known = ", ".join(one.service.text for one in self.services if one.host is self[host]) or "none"
            what = f"more than one service {declared}".rstrip() if found else f"no service {declared}".rstrip()
            raise UsageError(f"{host} has {what}", remedy=f"there are: {known}")
        return found[0]

    @property
    def authority(self) -> "CertificateAuthority":
        """The certificate authority of the network's https services, and of whoever wants a certificate from it."""
        return self._services.authority

    @property
    def certificate(self) -> str:
        """That of the authority, in PEM, where a host of the network has https; else ""."""
        return self.authority.certificate.decode() if self._services.needs_authority else ""

    @property
    def is_up(self) -> bool:
        """Whether it runs: between start() and close()."""
        return self._namespaces is not None

    @property
    def pid(self) -> int:
        """The process that holds the network; 0 while it is down."""
        return self._namespaces.pid if self._namespaces else 0

    # -- running

    def start(self) -> Self:
        """Builds it; raises NamespaceError where this machine forbids it. Everything is undone on any error."""
        if self._namespaces:
            raise UsageError(f"{self.name} is up already")
        self.topology.check()
        self._services = Services(self)
        self._stack.callback(self._services.forget)
        try:
            self._build()
            self._stack.callback(self._services.close)
            self._services.start([(self[node.name], one) for node in self.topology.nodes.values()
                                  for one in node.services])  # fmt: skip
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Takes it down: all commands in it are killed, nothing is left. Does nothing when it is down."""
        stack, self._stack = self._stack, contextlib.ExitStack()
        self._namespaces = None
        self._netlinks, self._spaces, self._wires = [], [], []
        stack.close()

    def __enter__(self) -> Self:
        return self if self._namespaces else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.close()

    def at_close(self, function: Callable[[], object]) -> None:
        """Calls `function` when the network closes, before anything of it is gone."""
        self._stack.callback(function)

    def _running(self) -> Namespaces:
        if self._namespaces is None:
            raise UsageError("this network is not up", remedy="use it inside `with net:`")
        return self._namespaces

    def _netlink(self, host: VirtualHost) -> Netlink:
        self._running()
        return self._netlinks[host._number]

    def _ports_of(self, name: str) -> list[Port]:
        return self._ports[name] if self._namespaces else self._by_node(self.topology.ports())[name]

    def _by_node(self, cables: list[tuple[Port, Port]]) -> dict[str, list[Port]]:
        found: dict[str, list[Port]] = {name: [] for name in self.topology.nodes}
        for pair in cables:
            for port in pair:
                found[port.node.name].append(port)
        return found

    def _build(self) -> None:
        nodes = list(self.topology.nodes.values())
        self._cables = self.topology.ports()
        self._ports = self._by_node(self._cables)
        self._host_table = self._names()
        wired = [pair for pair in self._cables if not read_impairment(pair[0].link.wire).is_plain]
        self._make_namespaces(nodes, len(wired))
        self._make_links(nodes, wired)
        for node in nodes:
            self._settle(node, self._ports[node.name])
        links.wait_until_up(
            [(self._netlinks[node.number - 1], {port.index for port in self._ports[node.name]}
              | ({_BRIDGE_INDEX} if node.is_bridge else set())) for node in nodes if self._ports[node.name]]
        )  # fmt: skip
        if not self.topology.closing_link():
            for node in nodes:
                if node.stp:
                    self._netlinks[node.number - 1].request([links.spanning_tree(_BRIDGE, _BRIDGE_INDEX)])
        for number, (near, far) in enumerate(wired):
            impairment = read_impairment(near.link.wire)
            wire = Wire(self._running(), len(nodes) + number, near.node.name, far.node.name, impairment)
            self._stack.callback(wire.close)
            self._wires.append(wire)
        for node in nodes:
            self._route(node)
            self._show_files(self[node.name])

    def _make_namespaces(self, nodes: list[Node], wires: int) -> None:
        """Those of the nodes and, behind them, one for each wire."""
        self._namespaces = holder = Namespaces(len(nodes) + wires)
        self._stack.callback(holder.close)
        settings = [node_settings(node, self._ports[node.name]) for node in nodes]
        settings += [node_settings(Node("wire", "switch", 0), [])] * wires
        self._spaces, sockets, refused = holder.make_nodes(settings)
        for descriptor in self._spaces:
            self._stack.callback(os.close, descriptor)
        self._netlinks = [self._stack.enter_context(Netlink(opened)) for opened in sockets]
        for node, wrong in zip(nodes, refused, strict=False):
            if wrong:
                raise PacketLabError(f"{node.name}: {wrong[0][0]} is {wrong[0][2]!r} instead of {wrong[0][1]!r}")

    def _route(self, node: Node) -> None:
        """Routes, and what makes it a NAT box."""
        ports = self._ports[node.name]
        wanted = [*(("default", gateway) for gateway in node.gateways), *node.routes]
        # A link-local gateway (fe80::...) is on every link: which is meant must be said.
        six = next((port.index for port in ports if port.has_ipv6), 0)
        self._netlinks[node.number - 1].request(
            [route_request(prefix, gateway, six if is_link_local(gateway) else 0) for prefix, gateway in wanted]
        )
        if node.kind == "nat":
            outside = next(port for port in ports if port.peer == node.outside)
            opened = self[node.name].socket(socket.AF_NETLINK, socket.SOCK_RAW, nftables.NETLINK_NETFILTER)
            nftables.apply(opened, nftables.translation(outside.index, node.forward))

    def _make_links(self, nodes: list[Node], wired: list[tuple[Port, Port]]) -> None:
        # A tree from the beginning keeps every port silent for 4 s. Where there is no loop, it is switched on later.
        looped = self.topology.closing_link() is not None
        wanted: dict[int, list[Request]] = {node.number: [] for node in nodes}
        for near, far in self._cables:
            if (near, far) in wired:
                continue
            ends = [(port.name, port.index, port.mac) for port in (near, far)]
            cable = links.veth(ends[0], ends[1], self._spaces[far.node.number - 1], near.link.mtu)
            wanted[near.node.number].append(cable)
        for node in nodes:
            if node.is_bridge:
                mac = bytes([2, 0, 0, node.number >> 8, node.number & 255, 0])
                request = links.bridge(_BRIDGE, _BRIDGE_INDEX, mac, hub=node.kind == "hub", stp=node.stp and looped)
                wanted[node.number].append(request)
            self._netlinks[node.number - 1].request(wanted[node.number])
        for number, pair in enumerate(wired):
            middle = len(nodes) + number
            index = FIRST_INDEX + 2 * (len(self._cables) + number)
            for offset, (port, name) in enumerate(zip(pair, (NEAR, FAR), strict=True)):
                end = (name, index + offset, bytes([6, 0, 0, number >> 8, number & 255, offset]))
                cable = links.veth((port.name, port.index, port.mac), end, self._spaces[middle], port.link.mtu)
                self._netlinks[port.node.number - 1].request([cable])
                links.without_offloads(self._netlinks[middle].socket, name)
                self._netlinks[middle].request([links.up(end[1], name)])

    def _settle(self, node: Node, ports: list[Port]) -> None:
        """Addresses, and everything on."""
        socket_of = self._netlinks[node.number - 1]
        for port in ports:
            links.without_offloads(socket_of.socket, port.name)
        mixed = [port for port in ports if port.has_ipv6] if not all(port.has_ipv6 for port in ports) else []
        if mixed:
            # The default of such a node is "no IPv6".
            self._running().ask(
                "sysctl", node.number - 1, [(f"net/ipv6/conf/{port.name}/disable_ipv6", "0") for port in mixed]
            )
        requests = [links.up(1, "lo")]
        if node.is_bridge:
            requests.append(links.up(_BRIDGE_INDEX, _BRIDGE))
        for port in ports:
            requests += [
                links.add_address(address.ip.packed, address.network.prefixlen, port.index, port.name)
                for address in port.addresses
            ]
            if not node.is_bridge:
                families = (socket.AF_INET, socket.AF_INET6) if port.has_ipv6 else (socket.AF_INET,)
                requests += [links.without_probes(family, port.index, port.name) for family in families]
            requests.append(links.up(port.index, port.name, _BRIDGE_INDEX if node.is_bridge else 0))
        socket_of.request(requests)

    def _environment(self) -> dict[str, str]:
        """What commands find in their environment, beyond what is there outside."""
        if not self._services.needs_authority:
            return {}
        return dict.fromkeys(TRUST, str(AUTHORITY))

    def _names(self) -> str:
        """The /etc/hosts of every host."""
        rows = ["127.0.0.1 localhost", "::1 localhost"]
        for name, ports in self._ports.items():
            rows += [f"{address.ip} {name}" for port in ports for address in port.addresses]
        return "\n".join(rows) + "\n"

    def _show_files(self, host: VirtualHost) -> None:
        """What commands in a host find under /etc, so that names are those of the network."""
        asked = host.node.resolver or self._services.resolvers(host)
        servers = [f"nameserver {server}" for server in asked]
        files = {
            "/etc/hosts": self._host_table,
            "/etc/resolv.conf": "\n".join(servers or ["# this host has no DNS server"]) + "\n",
            # Plain files and DNS: a name service of the machine would ask the real network.
            "/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
        }
        if self._services.needs_authority:
            files[str(AUTHORITY)] = self.authority.certificate.decode()
        self._running().ask("look", host._number, host.name, {path: text.encode() for path, text in files.items()})
