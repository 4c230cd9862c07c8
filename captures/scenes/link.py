"""Scenes of the link: ARP, neighbour discovery, VLANs, an address that two hosts have."""

import time

from packetlab.internet.icmp import EchoReply, EchoRequest
from packetlab.internet.ipv4 import IPv4
from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet
from packetlab.link.vlan import VLAN
from packetlab.net import Network
from packetlab.net.servers import UDPEchoServer
from packetlab.wire.exchange import ask_by_datagram
from packetlab.wire.packet_socket import PacketDevice
from packetlab.wire.verbs.arp import arp
from packetlab.wire.verbs.ping import ping
from scenes.scene import CLIENT, PAIR, PAIR4, SERVER, SERVER6, Look, Scene, datagram

ABSENT = "10.0.0.9"


def _arp(network: Network) -> None:
    client = network["client"]
    client.set_sysctl("net.ipv4.neigh.eth0.retrans_time_ms", 100)
    with UDPEchoServer(network["server"], 7):
        ask_by_datagram(client, SERVER, 7, b"hello")
        datagram(client, ABSENT, 7, b"anybody there?")
        time.sleep(0.5)
    arp(CLIENT, "announce", via=client)


def _ndp(network: Network) -> None:
    with UDPEchoServer(network["server"], 7):
        ask_by_datagram(network["client"], SERVER6, 7, b"hello")
    ping(SERVER6, count=1, via=network["client"])
    network["client"].set_sysctl("net.ipv6.neigh.eth0.retrans_time_ms", 100)
    datagram(network["client"], "fd00::9", 7, b"anybody there?")
    time.sleep(0.5)


def _vlan(network: Network) -> None:
    cards = {name: bytes(network[name].port().mac) for name in ("client", "server")}
    with PacketDevice("eth0", network["client"]) as client, PacketDevice("eth0", network["server"]) as server:
        for vlan in (10, 20):
            here, there = f"10.0.{vlan}.1", f"10.0.{vlan}.2"
            to_all = Ethernet(src=cards["client"], dst=b"\xff" * 6) / VLAN(id=vlan)
            asking = Ethernet(src=cards["client"], dst=cards["server"]) / VLAN(id=vlan)
            answering = Ethernet(src=cards["server"], dst=cards["client"]) / VLAN(id=vlan)
            client.send(to_all / ARP(operation=1, sender_hardware=cards["client"], sender_protocol=here,
                                     target_protocol=there))  # fmt: skip
            server.send(answering / ARP(operation=2, sender_hardware=cards["server"], sender_protocol=there,
                                        target_hardware=cards["client"], target_protocol=here))  # fmt: skip
            data = f"in VLAN {vlan}".encode()
            client.send(asking / IPv4(src=here, dst=there) / EchoRequest(identifier=vlan, sequence=1) / data)
            server.send(answering / IPv4(src=there, dst=here) / EchoReply(identifier=vlan, sequence=1) / data)
    ping(SERVER, count=1, via=network["client"])


TWINS = """
hosts: {client: 10.0.0.1/24, one: 10.0.0.2/24, other: 10.0.0.2/24}
switches: [switch]
links: [client -- switch, one -- switch, other -- switch]
allow: [duplicate-address]
"""


def _twins(network: Network) -> None:
    arp("10.0.0.2", via=network["client"])
    datagram(network["client"], "10.0.0.2", 9, b"to whom?")


SCENES = (
    Scene(
        "arp", "who has an IP address on this link",
        "The client wants to send to the server and knows its IP address alone. It asks everybody on the link; the "
        "server answers, and only then the datagram goes out. Then it wants to send to an address that nobody has: "
        "three questions, no answer, and the datagram never leaves. At last the client announces its own address.",
        PAIR4, _arp,
        (
            Look("the question goes to ff:ff:ff:ff:ff:ff, to everybody.",
                 f"arp.opcode == 1 && arp.dst.proto_ipv4 == {SERVER}"),
            Look("the answer goes to the one who asked, and says which card has the address.",
                 f"arp.opcode == 2 && arp.src.proto_ipv4 == {SERVER}"),
            Look("the datagram that had to wait, and its echo.", "udp"),
            Look("three questions that nobody answers: there is no such host.", f"arp.dst.proto_ipv4 == {ABSENT}"),
            Look("an announcement (gratuitous ARP): sender and target are the same address. Nobody answers.",
                 f"arp.src.proto_ipv4 == {CLIENT} && arp.dst.proto_ipv4 == {CLIENT}"),
        ),
    ),
    Scene(
        "ndp", "who has an IPv6 address on this link",
        "IPv6 has no ARP: neighbours are asked for with ICMPv6. The question goes to a multicast group that only "
        "hosts whose address ends in the same three bytes listen to. Afterwards an address that nobody has.",
        PAIR, _ndp,
        (
            Look("a neighbour solicitation; look at the address it goes to, ff02::1:ff00:2.",
                 f"icmpv6.neighbour_solicitation.target == {SERVER6}"),
            Look("the neighbour advertisement, with the MAC address as an option.",
                 f"icmpv6.neighbour_advertisement.target == {SERVER6}"),
            Look("the datagram that had to wait, and its echo.", "udp"),
            Look("an echo request and its reply.", "icmpv6.type in {128 129}"),
            Look("nobody has this address: three questions, no answer.",
                 "icmpv6.neighbour_solicitation.target == fd00::9"),
        ),
    ),
    Scene(
        "vlan", "three networks on one cable",
        "Client and server have one cable and two VLANs on it, 10 and 20. Frames of a VLAN carry a tag of four bytes "
        "behind the MAC addresses; the untagged network is a third one. Each has its own ARP. The tagged frames are "
        "packetlab's own on both sides (not every kernel can do VLANs); the untagged ones are the kernels'.",
        PAIR4, _vlan,
        (
            Look("ARP and ping in VLAN 10.", "vlan.id == 10"),
            Look("ARP and ping in VLAN 20: other addresses, the same two cards.", "vlan.id == 20"),
            Look("ARP and ping without a tag.", "!vlan"),
        ),
    ),
    Scene(
        "duplicate_address", "two hosts with the same IP address",
        "One question, two answers with different MAC addresses: whoever answers last is believed. Connections break "
        "for no visible reason, or reach the wrong host.",
        TWINS.strip(), _twins,
        (
            Look("the question.", "arp.opcode == 1 && arp.dst.proto_ipv4 == 10.0.0.2"),
            Look("two answers: compare the sender's MAC addresses.", "arp.opcode == 2"),
        ),
    ),
)  # fmt: skip
