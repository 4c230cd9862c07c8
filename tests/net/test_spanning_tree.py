"""Switches that run the kernel's spanning tree."""

import time
from collections.abc import Iterator

import pytest

from packetlab.link.llc import ConfigurationBPDU
from packetlab.model.errors import NamespaceError
from packetlab.model.packet import decapsulate
from packetlab.net import Network, probe
from packetlab.wire.packet_socket import PacketDevice
from tests.conftest import missing

pytestmark = pytest.mark.usefixtures("possible")


@pytest.fixture(scope="module")
def possible() -> Iterator[None]:
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")
    yield


def first_bpdu(net: Network, host: str) -> ConfigurationBPDU:
    deadline = time.monotonic() + 5
    with PacketDevice("eth0", net[host], promiscuous=True) as device:
        while time.monotonic() < deadline:
            for frame in device.receive(0.1):
                if found := decapsulate(frame.data).get(ConfigurationBPDU):
                    return found
    raise AssertionError(f"{host} saw no BPDU")


def pings(net: Network) -> bool:
    from packetlab.wire.verbs.ping import ping

    return ping("10.0.0.2", count=1, timeout=0.5, via=net["a"]).ok


def test_without_a_loop_the_network_is_ready_at_once_and_its_switches_agree_on_a_root() -> None:
    spec = """
        hosts: {a: 10.0.0.1/24, b: 10.0.0.2/24}
        switches: {x: {stp: true}, y: {stp: true}}
        links: [a -- x -- y -- b]
    """
    start = time.monotonic()
    with Network.from_spec(spec) as net:
        assert pings(net) and time.monotonic() - start < 2  # listening and learning would take 4 s
        roots = {first_bpdu(net, host).root_address for host in "ab"}
        assert len(roots) == 1
        assert first_bpdu(net, "b").hello_time == 256 and pings(net)


def test_a_loop_is_opened_before_anything_is_forwarded() -> None:
    spec = """
        hosts: {a: 10.0.0.1/24, b: 10.0.0.2/24}
        switches: {x: {stp: true}, y: {stp: true}, z: {stp: true}}
        links: [x -- y -- z -- x, a -- x, b -- y]
    """
    with Network.from_spec(spec) as net:
        with PacketDevice("eth0", net["b"], promiscuous=True) as device:
            assert pings(net)
            questions = [frame for frame in device.receive(0.2) if frame.data[12:14] == b"\x08\x06"]
        assert len([frame for frame in questions if frame.data[:6] == b"\xff" * 6]) == 1
