"""What a sample capture is made of: a network, places to listen at, what happens, and what to look for."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from packetlab.analysis.filter import parse
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.net import Network, VirtualHost
from packetlab.transport.tcp import TCP

Packets = list[tuple[int, Packet]]

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
CLIENT6, SERVER6 = "fd00::1", "fd00::2"
PAIR = f"hosts: {{client: {CLIENT}/24 {CLIENT6}/64, server: {SERVER}/24 {SERVER6}/64}}\nlinks: [client -- server]"
PAIR4 = f"hosts: {{client: {CLIENT}/24, server: {SERVER}/24}}\nlinks: [client -- server]"


def impaired(wire: str) -> str:
    """Two hosts, and a wire between them that does something to frames."""
    return f"hosts: {{client: {CLIENT}/24, server: {SERVER}/24}}\nlinks:\n  - client -- server: {{{wire}}}"


@dataclass(frozen=True, slots=True)
class Look:
    """Something to look for: what it is, and a display filter that selects it."""

    what: str
    filter: str
    chosen: Callable[[Packets], list[int]] | None = None
    """What a filter on single packets cannot say: which of those that it selects."""


@dataclass(frozen=True, slots=True)
class Scene:
    name: str
    title: str
    text: str
    network: str
    play: Callable[[Network], None]
    looks: Sequence[Look]
    places: Sequence[tuple[str, str]] = (("client", "eth0"),)
    before: Callable[[Network], None] = lambda network: None
    """What is done before anybody listens."""
    keep: Callable[[Frame], bool] = lambda frame: not is_noise(frame)


def is_noise(frame: Frame) -> bool:
    """Multicast listener reports: kernels send them when they like."""
    packet = decapsulate(frame.data, frame.link_type)
    return any(header.name.startswith(("icmpv6.listener", "icmpv6.multicast")) for header in packet.layers)


def numbers_of(look: Look, frames: Sequence[Frame]) -> list[int]:
    """The numbers of the packets that a remark is about."""
    test = parse(look.filter)
    found: Packets = []
    for frame in frames:
        packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
        if test.matches(packet, frame, frames[0].time):
            found.append((frame.number, packet))
    return [number for number, _ in found] if look.chosen is None else look.chosen(found)


def sent_again(packets: Packets) -> list[int]:
    """Segments whose first byte of data was sent before."""
    seen: set[tuple[int, int]] = set()
    found = []
    for number, packet in packets:
        key = (packet[TCP].src_port, packet[TCP].sequence)
        if key in seen and (packet.payload or packet[TCP].flags & TCP.SYN):
            found.append(number)
        seen.add(key)
    return found


def duplicates(packets: Packets) -> list[int]:
    """Acknowledgements without data that say the same as the one before."""
    found, before = [], -1
    for number, packet in packets:
        if packet[TCP].acknowledgment == before and not packet.payload:
            found.append(number)
        before = packet[TCP].acknowledgment
    return found


def opened(packets: Packets) -> list[int]:
    """The first segment with room again after those with a window of 0."""
    found, closed = [], False
    for number, packet in packets:
        if closed and packet[TCP].window:
            found.append(number)
        closed = packet[TCP].window == 0
    return found


def connect(host: VirtualHost, address: str, port: int, timeout: float = 5.0, **options: int) -> socket.socket:
    """A TCP connection of the host's own kernel. options: names of SOL_SOCKET options, set before connecting."""
    made = host.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    made.settimeout(timeout)
    for name, value in options.items():
        made.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
    try:
        made.connect((address, port))
    except BaseException:
        made.close()
        raise
    return made


def listener(host: VirtualHost, port: int, family: int = socket.AF_INET, **options: int) -> socket.socket:
    """A listening socket of a host."""
    made = host.socket(family)
    made.settimeout(5)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for name, value in options.items():
        made.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
    made.bind(("", port))
    made.listen()
    return made


def read_all(sock: socket.socket) -> bytes:
    """What comes until the other side says that it is done."""
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def datagram(host: VirtualHost, address: str, port: int, data: bytes) -> None:
    """Send one, without waiting for anything."""
    with host.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(data, (address, port))
