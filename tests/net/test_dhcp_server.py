"""The DHCP server, asked over a real link by a client without an address."""

import socket

import pytest

from packetlab.application.dhcp import (
    DHCP,
    DHCPMessageType,
    EndOfDHCPOptions,
    LeaseTime,
    RequestedAddress,
    Routers,
    ServerIdentifier,
    SubnetMask,
)
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import ip_text
from packetlab.model.errors import UsageError
from packetlab.model.packet import decapsulate
from packetlab.net import Network
from packetlab.net.servers.dhcp import ACKNOWLEDGE, DECLINE, DISCOVER, OFFER, REFUSE, REQUEST, DHCPServer
from packetlab.transport.udp import UDP

MAC = b"\x02\0\0\0\0\x07"


class Anyhost:
    name = "any"

    def socket(self, family: int, type: int, proto: int = 0) -> socket.socket:  # noqa: A002
        raise AssertionError("not needed")


def server(**more: object) -> DHCPServer:
    options = {"address": "10.0.0.1", "first": "10.0.0.10", "last": "10.0.0.11", "router": "10.0.0.1"} | more
    return DHCPServer(Anyhost(), "10.0.0.0/24", **options)  # type: ignore[arg-type]


def message(kind: int, mac: bytes = MAC, address: str = "", *, chosen: str = "") -> DHCP:
    more = ([RequestedAddress(address=address)] if address else []) + (
        [ServerIdentifier(address=chosen)] if chosen else [])  # fmt: skip
    return DHCP(transaction=7, client_mac=mac, broadcast=1,
                options=(DHCPMessageType(message=kind), *more, EndOfDHCPOptions()))  # fmt: skip


def test_a_client_gets_the_same_address_again_and_another_client_another() -> None:
    one = server()
    first = one.answer(message(DISCOVER), 0)
    again = one.answer(message(DISCOVER), 1)
    other = one.answer(message(DISCOVER, b"\x02\0\0\0\0\x08"), 1)
    assert first and again and other and first.message == OFFER
    assert first.your_address == again.your_address != other.your_address
    assert one.answer(message(DISCOVER, b"\x02\0\0\0\0\x09"), 1) is None  # the pool is empty


def test_an_offer_that_is_not_taken_is_free_again_and_a_declined_address_is_not() -> None:
    one = server(last="10.0.0.10")
    one.answer(message(DISCOVER), 0)
    assert one.answer(message(DISCOVER, b"\x02\0\0\0\0\x08"), 11)
    one.answer(message(DECLINE, b"\x02\0\0\0\0\x08", "10.0.0.10"), 12)
    assert one.answer(message(DISCOVER), 30) is None


def test_somebody_elses_address_is_refused_and_another_servers_offer_is_let_go() -> None:
    one = server()
    one.answer(message(REQUEST, MAC, "10.0.0.10"), 0)
    refused = one.answer(message(REQUEST, b"\x02\0\0\0\0\x08", "10.0.0.10"), 1)
    assert refused and refused.message == REFUSE and refused.your_address == bytes(4)
    assert one.answer(message(REQUEST, MAC, "10.0.0.99", chosen="10.0.0.2"), 1) is None


def test_a_range_outside_the_network_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no range"):
        server(last="10.0.1.5")


def test_discover_offer_request_acknowledge_over_a_link() -> None:
    net = Network()
    net.host("server", "10.0.0.1/24")
    net.host("client", "192.0.2.1/32")
    net.link("server", "client")
    with net, DHCPServer(net["server"], "10.0.0.0/24", address="10.0.0.1", first="10.0.0.10", last="10.0.0.20",
                         router="10.0.0.1", dns=["10.0.0.1"], domain="lab.test"):  # fmt: skip
        port = net["client"].port()
        with net["client"].socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as raw:
            raw.bind((port.name, 3))
            raw.settimeout(5)

            def ask(asked: DHCP) -> DHCP:
                outer = Ethernet(src=port.mac, dst=b"\xff" * 6) / IPv4(src="0.0.0.0", dst="255.255.255.255")
                raw.send((outer / UDP(src_port=68, dst_port=67) / asked).encapsulate())
                while True:
                    reply = decapsulate(raw.recv(2000)).get(DHCP)
                    if reply is not None and reply.operation == 2:
                        return reply

            offer = ask(message(DISCOVER, port.mac))
            found = ask(message(REQUEST, port.mac, ip_text(offer.your_address), chosen="10.0.0.1"))
    assert found.message == ACKNOWLEDGE and ip_text(found.your_address) == "10.0.0.10"
    kinds = {type(option): option for option in found.options}
    assert kinds[LeaseTime].seconds == 3600 and ip_text(kinds[SubnetMask].mask) == "255.255.255.0"  # type: ignore[attr-defined]
    assert [ip_text(one.address) for one in kinds[Routers].routers] == ["10.0.0.1"]  # type: ignore[attr-defined]
