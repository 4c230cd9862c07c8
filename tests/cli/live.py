"""What the tests of the live commands share: a network of kernel hosts, and packetlab run inside one of them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packetlab.model.errors import NamespaceError
from packetlab.net import Network, VirtualHost
from tests.conftest import missing

CLIENT, SERVER, FAR = "10.0.1.1", "10.0.1.2", "10.0.2.1"
CLIENT6, SERVER6, FAR6 = "fd00:1::1", "fd00:1::2", "fd00:2::1"


def build() -> Iterator[Network]:
    """client and server on one switch, and a host `far` behind a router."""
    network = Network()
    gateways = ["10.0.1.254", "fd00:1::254"]
    network.host("client", f"{CLIENT}/24", f"{CLIENT6}/64", via=gateways)
    network.host("server", f"{SERVER}/24", f"{SERVER6}/64", via=gateways)
    network.switch("switch")
    network.router("router", {"switch": "10.0.1.254/24 fd00:1::254/64", "far": "10.0.2.254/24 fd00:2::254/64"})
    network.host("far", f"{FAR}/24", f"{FAR6}/64", via=["10.0.2.254", "fd00:2::254"])
    for name in ("client", "server", "router"):
        network.link(name, "switch")
    network.link("router", "far")
    try:
        network.start()
    except NamespaceError as error:
        missing(f"no virtual network: {error}")
    with network:
        yield network


network = pytest.fixture(scope="module")(build)


def packetlab(host: VirtualHost, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the command line inside a host."""
    done: subprocess.CompletedProcess[str] = host.run(
        [sys.executable, "-m", "packetlab.cli.main", *arguments], timeout=timeout
    )
    return done


def as_json(host: VirtualHost, *arguments: str, code: int = 0) -> Any:
    """The document that a command prints with --json; fails where the exit code is another."""
    done = packetlab(host, *arguments, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def link_local(host: VirtualHost) -> str:
    """The address that its first interface with one has made for itself."""
    found = (str(one).partition("/")[0] for card in host.interfaces() for one in card.addresses)
    return next(address for address in found if address.startswith("fe80:"))


def tshark(path: Path, *fields: str, select: str = "") -> list[list[str]]:
    """The fields of each frame of a capture, by Wireshark."""
    command = ["tshark", "-r", str(path), "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run([*command, *(["-Y", select] if select else [])], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]
