"""A node of a running network: what can be asked of it and done with it. Implements wire.Host."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from packetlab.model.addresses import ip_bytes, mac_bytes
from packetlab.model.errors import UsageError
from packetlab.net import links
from packetlab.net.namespaces import HolderError
from packetlab.net.process import DEVNULL, PIPE, Process
from packetlab.net.topology import Node, Port, subnet
from packetlab.wire import netlink
from packetlab.wire.netlink import Interface, Neighbour, NetlinkError, Request, Route

if TYPE_CHECKING:
    from packetlab.net.network import Network
    from packetlab.wire.conntrack import Connection

_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where ping, tcpdump and ip may be, which is often not in an ordinary user's PATH."""


class VirtualHost:
    """A node of a network: a host, router, NAT box, switch or hub. Implements wire.Host."""

    def __init__(self, network: "Network", node: Node) -> None:
        self._network = network
        self.node = node

    def __repr__(self) -> str:
        return f"<{self.node.kind} {self.name}>"

    @property
    def name(self) -> str:
        """As it was declared; also its host name."""
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
        """The routing table as the kernel has it now, of AF_INET, AF_INET6 or (0) both."""
        return netlink.routes(self, family)

    def neighbours(self) -> list[Neighbour]:
        """The ARP and NDP cache as the kernel has it now."""
        return netlink.neighbours(self)

    def connections(self) -> "list[Connection]":
        """The connections that the kernel tracks now (those through a NAT box)."""
        from packetlab.wire.conntrack import connections

        return connections(self)

    def route_to(self, address: str) -> Route:
        """The way that the kernel would choose to an address; UnreachableError where there is none."""
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
        """Takes an address such as 10.0.0.9/24 away; NetlinkError where it is not there."""
        port, wanted = self.port(interface), subnet(address)
        self.configure(links.delete_address(wanted.ip.packed, wanted.network.prefixlen, port.index, port.name))

    def add_route(self, prefix: str, gateway: str) -> None:
        """Adds or replaces a route: add_route("10.0.3.0/24", "10.0.2.2"), add_route("default", "10.0.1.1")."""
        self.configure(route_request(prefix, gateway))

    def add_neighbour(self, address: str, mac: str, interface: str = "") -> None:
        """Adds or replaces a permanent row of the ARP or NDP cache."""
        port = self.port(interface)
        self.configure(links.add_neighbour(ip_bytes(address), mac_bytes(mac), port.index, port.name))

    def forget_neighbours(self) -> None:
        """Empties the ARP and NDP cache, permanent rows too."""
        for row in self.neighbours():
            if len(row.address) in (4, 16) and row.state != "NOARP":
                with contextlib.suppress(UsageError, NetlinkError):  # it may have gone by itself
                    self.configure(links.delete_neighbour(row.address, row.interface_index, row.interface))

    def set_mtu(self, mtu: int, interface: str = "") -> None:
        """Bytes of a packet that fit into a frame of this end of the cable; NetlinkError where that cannot be."""
        port = self.port(interface)
        self.configure(links.set_mtu(port.index, port.name, mtu))

    def set_link(self, up: bool, interface: str = "") -> None:
        """Pulls (False) or plugs in (True) the cable of an interface; plugged in, it waits until it works."""
        port = self.port(interface)
        self.configure(links.up(port.index, port.name) if up else links.down(port.index, port.name))
        if up:
            links.wait_until_up([(self._network._netlink(self), {port.index})])

    def own_names(self, name: str) -> list[str]:
        """The addresses that programs here find for a name in /etc/hosts: those of a host of the network."""
        if name == "localhost":
            return ["127.0.0.1", "::1"]
        return self._network[name].addresses if name in self._network.topology.nodes else []

    def name_servers(self) -> list[str]:
        """The DNS servers that programs here find in /etc/resolv.conf."""
        return self.node.resolver or self._network._services.resolvers(self)

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
        """Starts a command in this host; as subprocess.Popen. With `terminal`, its stdin becomes its terminal.

        It sees this host's network, host name, /etc/hosts and /etc/resolv.conf; all else is the machine's own.
        """
        if isinstance(command, str) or not command:
            raise UsageError("a command is a list of words", remedy='as ["ping", "-c1", "server"]')
        environment = dict(os.environ) | dict(env or {})
        environment.setdefault("PACKETLAB_HOST", self.name)
        for key, value in self._network._environment().items():
            if environment.get(key) == os.environ.get(key):  # a value of the caller's own stays
                environment[key] = value
        # Nor is packetlab itself always in PATH.
        environment["PATH"] = f"{environment.get('PATH', '/usr/bin:/bin')}:{_SYSTEM_PATH}:{Path(sys.executable).parent}"
        return Process(
            self._network._running(), self._number, command, stdin=stdin, stdout=stdout, stderr=stderr,
            env=environment, cwd=str(cwd or Path.cwd()), terminal=terminal,
        )  # fmt: skip

    def shell(self, command: Sequence[str] = ()) -> int:
        """Gives our terminal to a shell (or another command) in this host until it ends; its exit code."""
        from packetlab.net.terminal import is_ours, relayed

        wanted = list(command) or [os.environ.get("SHELL") or "/bin/sh"]
        if not is_ours():
            return self.popen(wanted, stdin=None).wait()
        return relayed(lambda own: self.popen(wanted, stdin=own, stdout=own, stderr=own, terminal=True)).wait()

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


def has_program(name: str) -> bool:
    """Whether commands in hosts find a program of that name on this machine."""
    import shutil

    return bool(shutil.which(name) or shutil.which(name, path=_SYSTEM_PATH))


def route_request(prefix: str, gateway: str, index: int = 0) -> Request:
    """The request for a route as it is declared: a prefix or "default", the gateway, the interface to it."""
    hop = ip_bytes(gateway)
    if prefix == "default":
        return links.add_route(bytes(len(hop)), 0, hop, index)
    network, _, length = prefix.partition("/")
    destination = ip_bytes(network)
    return links.add_route(destination, int(length or len(destination) * 8), hop, index)


def _sysctl_path(name: str) -> str:
    path = name if "/" in name else name.replace(".", "/")
    if ".." in path or not path.startswith("net/"):
        raise UsageError(f"{name!r} is no setting of a host's network", remedy="they begin with net.")
    return path
