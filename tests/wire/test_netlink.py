"""rtnetlink: what the kernel says about this machine, and answers that make no sense."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packetlab.model.errors import UsageError
from packetlab.wire import netlink
from packetlab.wire.host import LocalHost


def test_the_loopback_interface_is_read_with_its_address() -> None:
    loopback = netlink.interface_named(LocalHost(), "lo")
    assert loopback.is_loopback and loopback.index == 1
    assert "127.0.0.1/8" in map(str, loopback.addresses)


def test_all_interfaces_are_those_that_the_standard_library_names() -> None:
    found = [(interface.index, interface.name) for interface in netlink.interfaces(LocalHost())]
    assert found == sorted(socket.if_nameindex())


def test_an_unknown_interface_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        netlink.interface_named(LocalHost(), "nope0")
    assert "lo" in caught.value.remedy


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_route_to_oneself_is_the_loopback(address: str) -> None:
    route = netlink.route_to(LocalHost(), address)
    assert (route.interface, route.gateway) == ("lo", None)


def test_a_refused_request_names_itself_and_the_errno() -> None:
    with netlink.open_netlink(LocalHost()) as opened, pytest.raises(netlink.NetlinkError) as caught:
        opened.request([netlink.Request(netlink.SET_LINK, 0, netlink.link_body(99_999_999), "switch on the moon")])
    assert "switch on the moon" in str(caught.value) and caught.value.number > 0


def test_attributes_end_where_a_length_makes_no_sense() -> None:
    good = netlink.attribute(1, b"abc")
    for bad in (struct.pack("=HH", 3, 2), struct.pack("=HH", 0, 2), struct.pack("=HH", 400, 2), b"\x08"):
        assert netlink.attributes(good + bad) == {1: b"abc"}


@given(st.binary(max_size=200))
def test_no_bytes_raise_from_the_parsers(data: bytes) -> None:
    list(netlink.messages(data))
    netlink.attributes(data)
    netlink.parse_interface(data)
    netlink.parse_address(data)
    netlink.parse_route(data, {})
    netlink.parse_neighbour(data, {})
    netlink._error(netlink.ACK_ATTRIBUTES, data, "try")
