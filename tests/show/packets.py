"""Packets and frames that the tests of the views share."""

import packetlab.protocols  # noqa: F401 - views are tested with every protocol known
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"
HOSTILE = (
    b"\x1b[2J\x1b]0;owned\x07 [red]markup[/red] <script>alert(1)</script> \r\n\x00\x7f \xff\xfe"
    + "‮gnp.exe⁦ \x9b31m \x85​".encode()
)


def link() -> Ethernet:
    return Ethernet(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")


def ip(src: str = A, dst: str = B) -> IPv4:
    return IPv4(src=src, dst=dst)


def udp(data: bytes = b"hello", port: int = 40001) -> Packet:
    return link() / ip() / UDP(src_port=40000, dst_port=port) / data


def tcp(flags: str = "SYN", data: bytes = b"", **fields: int) -> Packet:
    return link() / ip() / TCP(src_port=40000, dst_port=8, flags=flags, **fields) / data


def segment(
    src: str, dst: str, ports: tuple[int, int], flags: str, sequence: int, ack: int, *, data: bytes = b"", time: int = 0
) -> Frame:
    header = TCP(src_port=ports[0], dst_port=ports[1], flags=flags, sequence=sequence, acknowledgment=ack)
    made = (link() / ip(src, dst) / header / data).encapsulate()
    return Frame(made, time, len(made))


def handshake() -> list[Frame]:
    """SYN, SYN-ACK, ACK and an HTTP request of 18 bytes, in 340 microseconds."""
    return [
        segment(A, B, (40000, 80), "SYN", 1000, 0),
        segment(B, A, (80, 40000), "SYN ACK", 5000, 1001, time=120_000),
        segment(A, B, (40000, 80), "ACK", 1001, 5001, time=140_000),
        segment(A, B, (40000, 80), "PSH ACK", 1001, 5001, data=b"GET / HTTP/1.0\r\n\r\n", time=340_000),
    ]
