"""A pytest plugin: the fixture `packetnet` builds virtual networks to test your own network code on.

    def test_the_server_answers_a_ping(packetnet):
        net = packetnet('''
            hosts: {client: 10.0.0.1/24, server: 10.0.0.2/24}
            links: [client -- server]
        ''')
        net["client"].popen(["ping", "-c1", "server"])                  # any program, or
        with net.inside("client"): my_code("server")                    # your code, in this process
        net.send("client", IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(src_port=9, dst_port=7) / b"hi")
        net.expect("server", "udp.dstport == 7", within=2)              # a display filter, or a packet
        net.expect("client", ICMPError(type=3, code=3))                 # given fields are equal
        net.expect("client", "tcp", absent=True)                        # and nothing of that kind comes

`inside` holds for the thread, the asyncio task, and the threads and tasks that are started in the block, as long as
they live: a server in a thread, or `async def` tests, need nothing more. Tests may run side by side (pytest-xdist).
The topology is YAML text, the path of a YAML file, a mapping, or a Network that was declared in Python; see
`packetlab net up --help`. Networks come up in some 20 ms, need no root, and are gone with the test. Where this machine
allows none, the test is skipped with the reason and the remedy that `packetlab doctor` gives;
`pytest --packetnet-required` makes that a failure, as a CI server should.

Installing packetlab is enough; `-p no:packetlab` switches it off. Nothing but this module is imported until a test
uses the fixture.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from packetlab.net.network import Network
    from packetlab.net.observed import ObservedNetwork


class PacketNet(Protocol):
    """The type of the fixture `packetnet`."""

    def __call__(self, topology: str | Path | Mapping[str, Any] | Network) -> ObservedNetwork:
        """The running network; see observed.py for send, expect, inside, seen and save."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("packetlab").addoption(
        "--packetnet-required", action="store_true", help="fail, do not skip, where there can be no virtual networks"
    )


@pytest.fixture
def packetnet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PacketNet]:
    """Builds virtual networks for this test: packetnet("YAML text, or a path")["host"].run([...])."""
    from packetlab.model.errors import NamespaceError, PacketLabError
    from packetlab.net.network import Network
    from packetlab.net.observed import ObservedNetwork, with_remedy

    with contextlib.ExitStack() as stack:

        def build(topology: str | Path | Mapping[str, Any] | Network) -> ObservedNetwork:
            __tracebackhide__ = True
            try:
                if isinstance(topology, Network):
                    net = ObservedNetwork(topology.name)
                    net.topology = topology.topology
                else:
                    net = ObservedNetwork.from_spec(_found(topology, request))
                test = f"{request.path.stem}-{request.node.name}"
                net.capture_file = tmp_path_factory.getbasetemp() / (re.sub(r"[^\w.-]+", "_", test)[:100] + ".pcapng")
                return stack.enter_context(net)
            except NamespaceError as error:
                reason = f"{error}; {error.remedy}" if error.remedy else str(error)
            except PacketLabError as error:
                raise with_remedy(error, "this network cannot be built") from None
            if request.config.getoption("--packetnet-required"):
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)

        yield build


def _found(topology: Any, request: pytest.FixtureRequest) -> Any:
    """A relative path counts from the test's own folder, or else from where pytest was started."""
    is_path = isinstance(topology, str) and "\n" not in topology and topology.endswith((".yaml", ".yml"))
    if not is_path and not isinstance(topology, Path):
        return topology
    beside = request.path.parent / topology
    return beside if beside.is_file() else Path(topology)
