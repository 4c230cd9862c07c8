"""The demo's walk without a kernel: a wire in memory, with a router and a server that are a page of Python each.

Every frame is built, encapsulated, handed over as bytes and taken apart again by packetlab's own model; nothing
reaches a network card. The server speaks just enough of each protocol to be talked to.
"""

import time
from collections.abc import Iterator

from packetlab.application.dns import DNS, A, query
from packetlab.application.http import HTTPRequest, HTTPResponse, field_lines
from packetlab.internet.icmp import EchoReply, EchoRequest
from packetlab.internet.ipv4 import IPv4
from packetlab.lab.demo import (
    CLIENT,
    DNS_PORT,
    ECHO_PORT,
    ECHO_TEXT,
    HTTP_PORT,
    NAME,
    PAGE,
    PLACES,
    ROUTER_INSIDE,
    SERVER,
    Stage,
)
from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import BROADCAST_MAC, ipv4_bytes, mac_bytes
from packetlab.model.frame import Direction, Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.tcp import TCP, MaximumSegmentSize
from packetlab.transport.udp import UDP

CLIENT_MAC, INSIDE_MAC = mac_bytes("02:00:00:00:01:01"), mac_bytes("02:00:00:00:02:01")
OUTSIDE_MAC, SERVER_MAC = mac_bytes("02:00:00:00:02:02"), mac_bytes("02:00:00:00:03:01")
OUR_PORT = 49_152
CLIENT_START, SERVER_START = 1_000_000, 2_000_000
"""Initial sequence numbers; a real host would choose them at random (RFC 6528)."""


class MemoryStage(Stage):
    """Client, router and server on a wire in memory."""

    what = (
        "A wire in memory: no virtual network could be made, or none was wanted. The frames are built and taken "
        "apart by packetlab itself; no kernel and no network card took part."
    )

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._server = _Server()

    # ------------------------------------------------------------ the wire

    def _seen(self, place: int, direction: Direction, data: bytes) -> None:
        self._frames.append(
            Frame(data, time.time_ns(), len(data), interface=PLACES[place], direction=direction)
        )

    def _across(self, sender: int, receiver: int, data: bytes) -> Packet:
        self._seen(sender, "out", data)
        self._seen(receiver, "in", data)
        return decapsulate(data)

    def _send(self, packet: Packet) -> list[Packet]:
        """From the client to the server and back, through the router; gives what came back to the client."""
        at_router = self._across(0, 1, (Ethernet(dst=INSIDE_MAC, src=CLIENT_MAC) / packet).encapsulate())
        at_server = self._across(2, 3, _forward(at_router, OUTSIDE_MAC, SERVER_MAC))
        replies = []
        for answer in self._server.answer(at_server):
            back = self._across(3, 2, (Ethernet(dst=OUTSIDE_MAC, src=SERVER_MAC) / answer).encapsulate())
            replies.append(self._across(1, 0, _forward(back, INSIDE_MAC, CLIENT_MAC)))
        return replies

    def _taken(self) -> list[Frame]:
        taken, self._frames = self._frames, []
        return taken

    # ------------------------------------------------------------ acts

    def arp(self) -> list[Frame]:
        """Ask for the router's address."""
        ask = Ethernet(dst=BROADCAST_MAC, src=CLIENT_MAC) / ARP(
            sender_hardware=CLIENT_MAC, sender_protocol=CLIENT, target_protocol=ROUTER_INSIDE
        )
        asked = self._across(0, 1, ask.encapsulate())[ARP]
        reply = Ethernet(dst=asked.sender_hardware, src=INSIDE_MAC) / ARP(
            operation=2, sender_hardware=INSIDE_MAC, sender_protocol=asked.target_protocol,
            target_hardware=asked.sender_hardware, target_protocol=asked.sender_protocol,
        )  # fmt: skip
        self._across(1, 0, reply.encapsulate())
        return self._taken()

    def ping(self) -> list[Frame]:
        """One echo request."""
        self._send(IPv4(src=CLIENT, dst=SERVER) / EchoRequest(identifier=1, sequence=1) / bytes(range(56)))
        return self._taken()

    def handshake(self) -> list[Frame]:
        """Open and close a connection."""
        self._connection(b"")
        return self._taken()

    def udp(self) -> list[Frame]:
        """A datagram to the echo port."""
        self._send(IPv4(src=CLIENT, dst=SERVER) / UDP(src_port=OUR_PORT, dst_port=ECHO_PORT) / ECHO_TEXT)
        return self._taken()

    def dns(self) -> list[Frame]:
        """A question."""
        ask = query(NAME, "A", identifier=0x2A2A, edns=False)
        self._send(IPv4(src=CLIENT, dst=SERVER) / UDP(src_port=OUR_PORT, dst_port=DNS_PORT) / ask)
        return self._taken()

    def http(self) -> list[Frame]:
        """A page."""
        headers = field_lines({"Host": NAME, "Connection": "close"})
        request = HTTPRequest(method="GET", target="/", version="HTTP/1.1", headers=headers)
        self._connection(request.encode())
        return self._taken()

    def _connection(self, data: bytes) -> None:
        """SYN, ACK, the data if any, FIN, ACK: what the client sends for what it gets."""
        sequence, expected = CLIENT_START, 0

        def segment(flags: int, body: bytes = b"", **more: object) -> list[Packet]:
            header = TCP(src_port=OUR_PORT, dst_port=HTTP_PORT, sequence=sequence, acknowledgment=expected, flags=flags,
                         window=64240, **more)  # type: ignore[arg-type]  # fmt: skip
            return self._send(IPv4(src=CLIENT, dst=SERVER, dont_fragment=1) / header / body)

        opened = segment(TCP.SYN, options=(MaximumSegmentSize(size=1460),))
        sequence += 1
        expected = opened[0][TCP].sequence + 1
        segment(TCP.ACK)
        if data:
            for reply in segment(TCP.PSH | TCP.ACK, data):
                expected = max(expected, reply[TCP].sequence + len(_body(reply)))
            sequence += len(data)
        closed = segment(TCP.FIN | TCP.ACK)
        sequence += 1
        expected = closed[-1][TCP].sequence + 1
        segment(TCP.ACK)


def _forward(packet: Packet, src: bytes, dst: bytes) -> bytes:
    """What a router does: one hop less, and a frame of the next link (RFC 1812 section 5.2)."""
    header = packet[IPv4]
    index = packet.index(IPv4)
    fewer = header.replace(ttl=header.ttl - 1, checksum=None)
    inside = Packet((fewer, *packet.layers[index + 1 :]), packet.payload)
    return (Ethernet(dst=dst, src=src) / inside).encapsulate()


def _body(packet: Packet) -> bytes:
    """The bytes that a segment carries."""
    span = packet.spans[packet.index(TCP)]
    return (packet.data or b"")[span.body : span.end]


class _Server:
    """Answers echo, UDP echo, DNS, and one TCP connection at a time."""

    def __init__(self) -> None:
        self._sequence = SERVER_START

    def answer(self, packet: Packet) -> Iterator[Packet]:
        """The IP packets with which it answers one."""
        back = IPv4(src=SERVER, dst=packet[IPv4].src)
        if EchoRequest in packet:
            asked = packet[EchoRequest]
            yield back / EchoReply(identifier=asked.identifier, sequence=asked.sequence) / packet.payload
        elif UDP in packet:
            yield from self._datagram(packet, back)
        elif TCP in packet:
            yield from self._segment(packet, back)

    def _datagram(self, packet: Packet, back: IPv4) -> Iterator[Packet]:
        udp = packet[UDP]
        header = UDP(src_port=udp.dst_port, dst_port=udp.src_port)
        asked = packet.get(DNS)
        if asked is None:
            yield back / header / packet.payload
            return
        known = A(owner=NAME, address=ipv4_bytes(SERVER))
        yield back / header / asked.replace(response=1, authoritative=1, answers=(known,), answer_count=None)

    def _segment(self, packet: Packet, back: IPv4) -> Iterator[Packet]:
        asked, body = packet[TCP], _body(packet)
        took = len(body) + (1 if asked.flags & (TCP.SYN | TCP.FIN) else 0)

        def reply(flags: int, data: bytes = b"", **more: object) -> Packet:
            header = TCP(src_port=asked.dst_port, dst_port=asked.src_port, sequence=self._sequence, flags=flags,
                         acknowledgment=asked.sequence + took, window=65160, **more)  # type: ignore[arg-type]  # fmt: skip
            self._sequence += len(data) + (1 if flags & (TCP.SYN | TCP.FIN) else 0)
            return back / header / data

        if asked.flags & TCP.SYN:
            self._sequence = SERVER_START
            yield reply(TCP.SYN | TCP.ACK, options=(MaximumSegmentSize(size=1460),))
        elif asked.flags & TCP.FIN:
            yield reply(TCP.FIN | TCP.ACK)
        elif body:
            headers = field_lines({"Content-Type": "text/html", "Content-Length": len(PAGE), "Connection": "close"})
            head = HTTPResponse(version="HTTP/1.1", status="200", reason="OK", headers=headers)
            yield reply(TCP.PSH | TCP.ACK, head.encode() + PAGE)
