"""Can this machine make virtual networks? Found out by making one: asking for settings misses what forbids it."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from packetlab.model.errors import PacketLabError
from packetlab.net.diagnosis import why_not
from packetlab.net.network import Network, VirtualHost


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that was tried."""

    name: str
    works: bool
    detail: str = ""
    remedy: str = ""


def probe() -> list[Capability]:
    """Builds a tiny network and tries what labs need in it. Raises NamespaceError if there can be none."""
    net = Network("probe")
    net.host("a", "10.0.0.1/24", "fd00::1/64")
    net.host("b", "10.0.0.2/24", "fd00::2/64")
    net.switch("sw")
    net.link("a", "sw", "b")
    start = time.perf_counter()
    try:
        net.start()
    except PacketLabError as error:
        if error.exit_code == 3:
            raise
        raise why_not("link", 0, str(error)) from None
    took = (time.perf_counter() - start) * 1000
    found = [Capability("virtual network", True, f"two hosts and a switch in {took:.0f} ms")]
    with net:
        a, b = net["a"], net["b"]
        found.append(_tried("IPv4 between hosts", lambda: _exchange(a, b, 4, socket.AF_INET)))
        found.append(_tried("IPv6 between hosts", lambda: _exchange(a, b, 6, socket.AF_INET6)))
        found.append(_tried("packet capture", lambda: a.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300).close()))
        found.append(_tried("unprivileged ping", lambda: a.socket(socket.AF_INET, socket.SOCK_DGRAM, 1).close()))
        found.append(_tried("commands in hosts", lambda: a.run(["true"], check=True)))
        found.append(_tried("names of hosts", lambda: a.run(["getent", "hosts", "b"], check=True)))
    return found


def _exchange(a: VirtualHost, b: VirtualHost, version: int, family: int) -> None:
    with b.socket(family, socket.SOCK_DGRAM) as server, a.socket(family, socket.SOCK_DGRAM) as client:
        server.settimeout(2)
        server.bind(("", 7))
        client.sendto(b"hello", (b.address(version), 7))
        server.recv(100)


def _tried(name: str, attempt: Callable[[], object]) -> Capability:
    try:
        attempt()
    except Exception as error:
        return Capability(name, False, str(error), getattr(error, "remedy", ""))
    return Capability(name, True)
