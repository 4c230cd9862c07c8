"""A virtual network: real kernel hosts, switches and routers in namespaces, for the time of a `with` block.

    net = Network()
    net.host("client", "10.0.0.1/24"); net.host("server", "10.0.0.2/24"); net.switch("sw")
    net.link("client", "sw"); net.link("server", "sw")
    with net:
        net["client"].run(["ping", "-c1", "server"])

Or `Network.from_spec(text)` with the declared language of spec.py. Building sends everything in batches: one
request to the holder for all namespaces, one netlink batch per node, and waits until every interface is up. The
settings of _settings() are the cures for what makes a lab network noisy or unrepeatable; each says why.
"""

import contextlib
import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from packetlab.model.addresses import ip_bytes, mac_bytes
from packetlab.model.errors import PacketLabError, UsageError
from packetlab.net import links, nftables
from packetlab.net.impairment import read_impairment
from packetlab.net.namespaces import HolderError, Namespaces
from packetlab.net.process import DEVNULL, PIPE, STDOUT, Process
from packetlab.net.topology import FIRST_INDEX, Node, Port, Topology, subnet
from packetlab.net.wires import FAR, NEAR, Wire
from packetlab.wire import netlink
from packetlab.wire.netlink import Interface, Neighbour, Netlink, Request, Route

__all__ = ["DEVNULL", "PIPE", "STDOUT", "Network", "VirtualHost"]

_BRIDGE = "br0"
_BRIDGE_INDEX = 2
_IPV6_LOOPBACK_INDEX = 1
_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


class VirtualHost:
    """A node of a network: a host, router, NAT box, switch or hub. Implements wire.Host."""

    def __init__(self, network: "Network", node: Node) -> None:
        self._network = network
        self.node = node

    def __repr__(self) -> str:
        return f"<{self.node.kind} {self.name}>"

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def kind(self) -> str:
        """ "host", "router", "nat", "switch" or "hub"."""
        return self.node.kind

    def socket(self, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM,  # noqa: A002
               proto: int = 0) -> socket.socket:  # fmt: skip
        """A socket in this host's network. It works from any thread and process, and stays in this network."""
        return self._network._running().open_socket(self._number, family, type, proto)

    @property
    def _number(self) -> int:
        return self.node.number - 1

    @property
    def ports(self) -> list[Port]:
        """The interfaces as declared: name, index, MAC, addresses, and the node at the other end of the cable."""
        return self._network._ports_of(self.name)

    @property
    def addresses(self) -> list[str]:
        """The declared addresses without prefix length, in order."""
        return [str(address.ip) for port in self.ports for address in port.addresses]

    def address(self, version: int = 4) -> str:
        """The first declared address of an IP version."""
        for port in self.ports:
            for address in port.addresses:
                if address.version == version:
                    return str(address.ip)
        raise UsageError(f"{self.name} has no IPv{version} address", remedy="declare one")

    def port(self, interface: str = "") -> Port:
        """A declared interface by its name or by the neighbour its cable leads to; the first one by default."""
        for port in self.ports:
            if interface in ("", port.name, port.peer):
                return port
        known = ", ".join(f"{port.name} (to {port.peer})" for port in self.ports) or "none"
        raise UsageError(f"{self.name} has no interface {interface!r}", remedy=f"there are: {known}")

    def mac(self, interface: str = "") -> str:
        """The MAC address of an interface (the first by default) as text."""
        return self.port(interface).mac.hex(":")

    def interfaces(self) -> list[Interface]:
        """The interfaces as the kernel has them now."""
        return netlink.interfaces(self)

    def routes(self, family: int = 0) -> list[Route]:
        return netlink.routes(self, family)

    def neighbours(self) -> list[Neighbour]:
        """The ARP and NDP cache as the kernel has it now."""
        return netlink.neighbours(self)

    def route_to(self, address: str) -> Route:
        return netlink.route_to(self, address)

    def get_sysctl(self, name: str) -> str:
        """A setting of this host's network by its name (net.ipv4.ip_forward)."""
        try:
            return str(self._network._running().ask("read", self._number, _sysctl_path(name))[0])
        except HolderError as error:
            raise UsageError(f"{self.name} cannot read {name}: {error}", remedy="see `sysctl -a`") from None

    def set_sysctl(self, name: str, value: int | str) -> None:
        """Changes a setting (net.ipv4.tcp_sack) and reads it back; raises UsageError if it is not as wanted."""
        wanted = [(_sysctl_path(name), str(value))]
        refused = self._network._running().ask("sysctl", self._number, wanted)[0]
        if refused:
            raise UsageError(f"{self.name} cannot set {name} to {value}: {refused[0][2]}", remedy="see `sysctl -a`")

    def configure(self, *requests: Request) -> None:
        """Sends rtnetlink requests (see links.py) to this host's kernel."""
        self._network._netlink(self).request(requests)

    def add_address(self, address: str, interface: str = "") -> None:
        """Adds an address such as 10.0.0.9/24 while the network runs."""
        port, wanted = self.port(interface), subnet(address)
        self.configure(links.add_address(wanted.ip.packed, wanted.network.prefixlen, port.index, port.name))

    def delete_address(self, address: str, interface: str = "") -> None:
        port, wanted = self.port(interface), subnet(address)
        self.configure(links.delete_address(wanted.ip.packed, wanted.network.prefixlen, port.index, port.name))

    def add_route(self, prefix: str, gateway: str) -> None:
        """Adds or replaces a route: add_route("10.0.3.0/24", "10.0.2.2"), add_route("default", "10.0.1.1")."""
        self.configure(_route(prefix, gateway))

    def add_neighbour(self, address: str, mac: str, interface: str = "") -> None:
        """Adds or replaces a permanent row of the ARP or NDP cache."""
        port = self.port(interface)
        self.configure(links.add_neighbour(ip_bytes(address), mac_bytes(mac), port.index, port.name))

    def set_mtu(self, mtu: int, interface: str = "") -> None:
        port = self.port(interface)
        self.configure(links.set_mtu(port.index, port.name, mtu))

    def set_link(self, up: bool, interface: str = "") -> None:
        """Pulls (False) or plugs in (True) the cable of an interface; plugged in, it waits until it works."""
        port = self.port(interface)
        self.configure(links.up(port.index, port.name) if up else links.down(port.index, port.name))
        if up:
            links.wait_until_up([(self._network._netlink(self), {port.index})])

    def set_resolver(self, *servers: str) -> None:
        """The DNS servers that commands started from now on find in /etc/resolv.conf."""
        self.node.resolver = list(servers)
        self._network._show_files(self)

    def popen(
        self,
        command: Sequence[str],
        *,
        stdin: int | IO[Any] | None = DEVNULL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        terminal: bool = False,
    ) -> Process:
        """Starts a command in this host; as subprocess.Popen. `terminal` leaves it in the session of our terminal.

        It sees this host's network, host name, /etc/hosts and /etc/resolv.conf; all else is the machine's own.
        """
        if isinstance(command, str) or not command:
            raise UsageError("a command is a list of words", remedy='as ["ping", "-c1", "server"]')
        environment = dict(os.environ) | dict(env or {})
        environment.setdefault("PACKETLAB_HOST", self.name)
        # Where ping, tcpdump and ip are is often not in an ordinary user's PATH.
        environment["PATH"] = environment.get("PATH", "/usr/bin:/bin") + ":" + _PATH
        return Process(
            self._network._running(), self._number, command, stdin=stdin, stdout=stdout, stderr=stderr,
            env=environment, cwd=str(cwd or Path.cwd()), own_session=not terminal,
        )  # fmt: skip

    def run(
        self,
        command: Sequence[str],
        *,
        input: str | bytes | None = None,  # noqa: A002 - as subprocess.run
        timeout: float | None = 30.0,
        check: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end; stdout and stderr are captured as text.

        Raises subprocess.TimeoutExpired (the command and its children are killed) and, with `check`,
        subprocess.CalledProcessError.
        """
        data = input.encode() if isinstance(input, str) else input
        stdin = DEVNULL if data is None else PIPE
        with self.popen(command, stdin=stdin, stdout=PIPE, stderr=PIPE, env=env, cwd=cwd) as process:
            out, err = (part.decode("utf-8", "replace") for part in process.communicate(data or b"", timeout))
        code = process.returncode if process.returncode is not None else -1
        if check and code:
            raise subprocess.CalledProcessError(code, process.args, out, err)
        return subprocess.CompletedProcess(process.args, code, out, err)


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
        self._ports: list[tuple[Port, Port]] = []
        self._wires: list[Wire] = []

    @classmethod
    def from_spec(cls, spec: "str | Path | Mapping[str, Any]", *, name: str = "") -> "Network":
        """A network from a mapping, YAML text or the path of a YAML file; spec.py describes the language."""
        from packetlab.net.spec import read_spec

        network = cls(name or (spec.stem if isinstance(spec, Path) else "network"))
        read_spec(spec, network.topology)
        return network

    # -- declaring

    def host(self, name: str, *addresses: str, via: str | Sequence[str] = (), at: Mapping[str, str] | None = None,
             mac: str = "", dns: str | Sequence[str] = (), routes: Mapping[str, str] | None = None,
             kind: str = "host") -> VirtualHost:  # fmt: skip
        """Declares a host. `addresses` go to its first interface, `at` gives those towards a neighbour."""
        node = self.topology.add(kind, name)
        node.addresses = [subnet(text) for text in addresses]
        node.at = {peer: [subnet(text) for text in found.split()] for peer, found in (at or {}).items()}
        node.gateways = [via] if isinstance(via, str) else list(via)
        for gateway in node.gateways:
            ip_bytes(gateway)
        node.mac = mac_bytes(mac) if mac else b""
        node.resolver = [dns] if isinstance(dns, str) else list(dns)
        node.routes = list((routes or {}).items())
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
        self.topology.add("switch", name).stp = stp
        return self[name]

    def hub(self, name: str) -> VirtualHost:
        """Declares a hub: every frame leaves at every other port."""
        self.topology.add("hub", name)
        return self[name]

    def link(self, near: str, far: str, *more: str, mtu: int = 1500, **wire: Any) -> None:
        """Declares cables: link("client", "sw", "server") is a chain of two. `wire` are the fields of Impairment."""
        for one, other in zip((near, far, *more), (far, *more), strict=False):
            read_impairment(wire, f"the link {one} -- {other}: ")
            self.topology.connect(one, other, mtu, wire)

    # -- looking

    def __getitem__(self, name: str) -> VirtualHost:
        node = self.topology.node(name)
        return self._handles.setdefault(name, VirtualHost(self, node))

    def __contains__(self, name: object) -> bool:
        return name in self.topology.nodes

    def __iter__(self) -> Iterator[VirtualHost]:
        return (self[name] for name in self.topology.nodes)

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
    def is_up(self) -> bool:
        return self._namespaces is not None

    @property
    def pid(self) -> int:
        """The process that holds the network; 0 while it is down."""
        return self._namespaces.pid if self._namespaces else 0

    # -- running

    def start(self) -> "Network":
        """Builds it; raises NamespaceError where this machine forbids it. Everything is undone on any error."""
        if self._namespaces:
            raise UsageError(f"{self.name} is up already")
        self.topology.check()
        try:
            self._build()
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

    def __enter__(self) -> "Network":
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
        pairs = self._ports if self._namespaces else self.topology.ports()
        return [port for pair in pairs for port in pair if port.node.name == name]

    def _build(self) -> None:
        nodes = list(self.topology.nodes.values())
        self._ports = self.topology.ports()
        ports: dict[str, list[Port]] = {node.name: [] for node in nodes}
        for pair in self._ports:
            for port in pair:
                ports[port.node.name].append(port)
        self._namespaces = holder = Namespaces()
        self._stack.callback(holder.close)
        settings = [_settings(node, ports[node.name]) for node in nodes]
        wired = [pair for pair in self._ports if not read_impairment(pair[0].link.wire).is_plain]
        settings += [_settings(Node("wire", "switch", 0), [])] * len(wired)
        self._spaces, sockets, refused = holder.make_nodes(settings)
        for descriptor in self._spaces:
            self._stack.callback(os.close, descriptor)
        self._netlinks = [self._stack.enter_context(Netlink(opened)) for opened in sockets]
        for node, wrong in zip(nodes, refused, strict=False):
            if wrong:
                raise PacketLabError(f"{node.name}: {wrong[0][0]} is {wrong[0][2]!r} instead of {wrong[0][1]!r}")
        self._make_links(nodes, wired)
        for node in nodes:
            self._settle(node, ports[node.name])
        links.wait_until_up(
            [(self._netlinks[node.number - 1], {port.index for port in ports[node.name]}
              | ({_BRIDGE_INDEX} if node.is_bridge else set())) for node in nodes if ports[node.name]]
        )  # fmt: skip
        for number, (near, far) in enumerate(wired):
            wire = Wire(holder, len(nodes) + number, near.node.name, far.node.name, read_impairment(near.link.wire))
            self._stack.callback(wire.close)
            self._wires.append(wire)
        for node in nodes:
            routes = [_route("default", gateway) for gateway in node.gateways]
            self._netlinks[node.number - 1].request(routes + [_route(*route) for route in node.routes])
            self._show_files(self[node.name])
            if node.kind == "nat":
                outside = next(port for port in ports[node.name] if port.peer == node.outside)
                opened = self[node.name].socket(socket.AF_NETLINK, socket.SOCK_RAW, nftables.NETLINK_NETFILTER)
                nftables.apply(opened, nftables.translation(outside.index, node.forward))

    def _make_links(self, nodes: list[Node], wired: list[tuple[Port, Port]]) -> None:
        wanted: dict[int, list[Request]] = {node.number: [] for node in nodes}
        for near, far in self._ports:
            if (near, far) in wired:
                continue
            ends = [(port.name, port.index, port.mac) for port in (near, far)]
            cable = links.veth(ends[0], ends[1], self._spaces[far.node.number - 1], near.link.mtu)
            wanted[near.node.number].append(cable)
        for node in nodes:
            if node.is_bridge:
                mac = bytes([2, 0, 0, node.number >> 8, node.number & 255, 0])
                request = links.bridge(_BRIDGE, _BRIDGE_INDEX, mac, hub=node.kind == "hub", stp=node.stp)
                wanted[node.number].append(request)
            self._netlinks[node.number - 1].request(wanted[node.number])
        for number, pair in enumerate(wired):
            middle = len(nodes) + number
            index = FIRST_INDEX + 2 * (len(self._ports) + number)
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
            requests.append(links.up(port.index, port.name, _BRIDGE_INDEX if node.is_bridge else 0))
        socket_of.request(requests)

    def _show_files(self, host: VirtualHost) -> None:
        """What commands in a host find under /etc, so that names are those of the network."""
        rows = ["127.0.0.1 localhost", "::1 localhost"]
        for other in self.topology.nodes.values():
            found = [str(address.ip) for port in self._ports_of(other.name) for address in port.addresses]
            rows += [f"{address} {other.name}" for address in found]
        servers = [f"nameserver {server}" for server in host.node.resolver]
        files = {
            "/etc/hosts": "\n".join(rows) + "\n",
            "/etc/resolv.conf": "\n".join(servers or ["# this host has no DNS server"]) + "\n",
            # Plain files and DNS: a name service of the machine would ask the real network.
            "/etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
        }
        self._running().ask("look", host._number, host.name, {path: text.encode() for path, text in files.items()})


def _route(prefix: str, gateway: str) -> Request:
    hop = ip_bytes(gateway)
    if prefix == "default":
        return links.add_route(bytes(len(hop)), 0, hop)
    network, _, length = prefix.partition("/")
    destination = ip_bytes(network)
    return links.add_route(destination, int(length or len(destination) * 8), hop)


def _sysctl_path(name: str) -> str:
    path = name if "/" in name else name.replace(".", "/")
    if ".." in path or not path.startswith("net/"):
        raise UsageError(f"{name!r} is no setting of a host's network", remedy="they begin with net.")
    return path


def _settings(node: Node, ports: list[Port]) -> list[tuple[str, str]]:
    """The sysctls of a node, written before its interfaces exist, so that these begin with them.

    A new namespace copies some from the machine (ip_forward, rp_filter); so all that matter are written.
    """
    routes = node.kind in ("router", "nat")
    wanted = [("net/ipv4/ip_forward", "01"[routes])]
    for which in ("all", "default"):
        wanted += [
            (f"net/ipv4/conf/{which}/rp_filter", "0"),
            (f"net/ipv4/conf/{which}/accept_source_route", "0"),
            (f"net/ipv4/conf/{which}/arp_ignore", "0"),
            (f"net/ipv4/conf/{which}/arp_announce", "0"),
            (f"net/ipv4/conf/{which}/send_redirects", "1"),
        ]
    group = "0 2147483647" if os.geteuid() == 0 else f"{os.getegid()} {os.getegid()}"
    # Ping without privilege; error messages of routers not rationed, so that each traceroute is answered.
    wanted += [("net/ipv4/ping_group_range", group), ("net/ipv4/icmp_ratelimit", "0")]
    if any(port.has_ipv6 for port in ports):
        wanted.append(("net/ipv6/conf/all/forwarding", "01"[routes]))
    all_ipv6 = bool(ports) and all(port.has_ipv6 for port in ports)
    wanted += [
        ("?net/ipv6/conf/default/disable_ipv6", "10"[all_ipv6]),
        # No duplicate address detection (a second until an address works), no asking for routers.
        ("?net/ipv6/conf/all/accept_dad", "0"),
        ("?net/ipv6/conf/default/accept_dad", "0"),
        ("?net/ipv6/conf/default/dad_transmits", "0"),
        ("?net/ipv6/conf/default/router_solicitations", "0"),
        ("?net/ipv6/conf/default/accept_ra", "0"),
        # Multicast reports come at once, while the network is built, and not within the next ten seconds.
        ("?net/ipv6/conf/default/mldv1_unsolicited_report_interval", "4"),
        ("?net/ipv6/conf/default/mldv2_unsolicited_report_interval", "4"),
        ("?net/ipv6/icmp/ratelimit", "0"),
    ]
    if node.is_bridge:
        # br_netfilter would let a switch drop packets for a wrong IP checksum.
        wanted += [(f"?net/bridge/bridge-nf-call-{table}", "0") for table in ("iptables", "ip6tables", "arptables")]
    return wanted
