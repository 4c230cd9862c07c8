"""The demo: a walk through the layers on a small network, told by the frames themselves.

A client, a router and a server are built as real hosts of this machine's kernel, without root; six steps send
real traffic through them, and each shows the frames as they were captured at every interface and what each
layer added. Where virtual networks are not to be had, the same steps run over a wire in memory
(lab/demo_memory.py), and every page says so. What is shown was on that wire: nothing is made up afterwards.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate

CLIENT, ROUTER_INSIDE, ROUTER_OUTSIDE, SERVER = "10.0.1.2", "10.0.1.1", "10.0.2.1", "10.0.2.2"
PLACES = ("client eth0", "router eth0", "router eth1", "server eth0")
NAME = "www.demo.test"
PAGE = b"<h1>Hello from the server</h1>\n"
ECHO_PORT, DNS_PORT, HTTP_PORT = 7, 53, 80
ECHO_TEXT = b"one datagram, no promises"


class Stage(ABC):
    """Where the walk takes place. Each act sends its traffic and gives all frames that it caused, in order."""

    what: str
    """What kind of network this is, as a sentence."""

    def __enter__(self) -> Self:
        return self

    def __exit__(  # noqa: B027 - a stage in memory has nothing to take down
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the network down."""

    @abstractmethod
    def arp(self) -> list[Frame]:
        """The client asks who has the router's address."""

    @abstractmethod
    def ping(self) -> list[Frame]:
        """The client pings the server once."""

    @abstractmethod
    def handshake(self) -> list[Frame]:
        """The client opens a connection to the server and closes it."""

    @abstractmethod
    def udp(self) -> list[Frame]:
        """The client sends a datagram to the echo port."""

    @abstractmethod
    def dns(self) -> list[Frame]:
        """The client asks for the server's address by name."""

    @abstractmethod
    def http(self) -> list[Frame]:
        """The client gets a page by name."""


@dataclass(frozen=True, slots=True)
class Act:
    """One step of the walk: what to say before, and which frame to look into."""

    key: str
    title: str
    text: str
    run: Callable[[Stage], list[Frame]]
    chosen: Callable[[Packet], bool]
    """The frame that is shown layer by layer: the first, at the client, for which this holds."""
    after: str


@dataclass(frozen=True, slots=True)
class Scene:
    """An act that was played."""

    number: int
    act: Act
    frames: tuple[Frame, ...]

    def at(self, place: str) -> tuple[Frame, ...]:
        """The frames that one interface saw."""
        return tuple(frame for frame in self.frames if frame.interface == place)

    @property
    def chosen(self) -> tuple[Frame, Packet] | None:
        """The frame to look into."""
        for place in PLACES:
            for frame in self.at(place):
                packet = decapsulate(frame.data, frame.link_type)
                if self.act.chosen(packet):
                    return frame, packet
        return None


def _inner(packet: Packet, name: str, *, payload: bool = False) -> bool:
    names = [header.name.split(".")[0] for header in packet.layers]
    return name in names and (not payload or bool(packet.payload) or names[-1] != name)


def acts() -> tuple[Act, ...]:
    """The steps, in order."""
    return (
        Act(
            "arp", "ARP: an address needs a card",
            f"The client wants to send to the router, {ROUTER_INSIDE}. On a link, frames go from network card to "
            "network card, so it must first learn the router's MAC address. It asks everybody; one answers.",
            lambda stage: stage.arp(), lambda packet: _inner(packet, "arp"),
            "The question went to ff:ff:ff:ff:ff:ff, to everybody on this link; the answer to the client alone. "
            "The server, behind the router, saw nothing of it: a link ends at a router.",
        ),
        Act(
            "ping", "ping: through the router",
            f"An ICMP echo request to the server, {SERVER}. It is on another link, so the client hands the packet to "
            "the router; look at the addresses before and after it.",
            lambda stage: stage.ping(), lambda packet: _inner(packet, "icmp"),
            "The IP addresses stayed the same all the way. The MAC addresses changed at the router, and the TTL went "
            "down by one: each link has frames of its own, and each router takes one off. (Any ARP before the ping is "
            "the kernel's own: the first step asked by hand, past the kernel's memory.)",
        ),
        Act(
            "handshake", "TCP: three segments before any data",
            f"A connection to port {HTTP_PORT} by hand: SYN, SYN-ACK, ACK. Both sides say where their stream of bytes "
            "begins, and what they can take.",
            lambda stage: stage.handshake(), lambda packet: _inner(packet, "tcp"),
            "Each side numbered its own stream; SYN and FIN count as one byte each, which is why the "
            "acknowledgements are one higher.",
        ),
        Act(
            "udp", "UDP: one datagram, no promises",
            f"A datagram to the echo service, port {ECHO_PORT}. Eight bytes of header, no handshake, no order, no "
            "second try.",
            lambda stage: stage.udp(), lambda packet: _inner(packet, "udp"),
            "Two packets and it is done. Had one been lost, nobody but the application would have noticed.",
        ),
        Act(
            "dns", "DNS: a name becomes an address",
            f"People use names. The client asks the server's port {DNS_PORT} for {NAME}, over UDP.",
            lambda stage: stage.dns(), lambda packet: _inner(packet, "dns"),
            "One question, one answer, each a single datagram: a lookup costs one round trip.",
        ),
        Act(
            "http", "HTTP: all layers together",
            f"GET / from {NAME}. What a browser does, shown from below: a connection, a request, a response, an end.",
            lambda stage: stage.http(), lambda packet: _inner(packet, "tcp", payload=True),
            "The page was a few bytes; every layer added its header to carry it, and took it off again on arrival.",
        ),
    )  # fmt: skip


def walk(stage: Stage) -> Iterator[Scene]:
    """Play every act on a stage that is ready."""
    for number, act in enumerate(acts(), 1):
        yield Scene(number, act, tuple(act.run(stage)))


def commented(scenes: Sequence[Scene]) -> list[Frame]:
    """All frames, in order; the first of each scene carries its title and text as a comment."""
    frames = []
    for scene in scenes:
        note = f"{scene.number}. {scene.act.title}. {scene.act.text}"
        for position, frame in enumerate(scene.frames):
            frames.append(replace(frame, comment=note if position == 0 else ""))
    return frames


@dataclass(frozen=True, slots=True)
class Added:
    """What one layer added to a frame."""

    layer: str
    header: Header | None
    """None for the payload."""
    size: int
    share: float
    """Of the whole frame, 0..1."""


def added(packet: Packet) -> list[Added]:
    """Layer by layer, the bytes that each added; the last is the payload, if there is any."""
    whole = len(packet) or 1
    found = [
        Added(type(header).__name__, header, span.body - span.start, (span.body - span.start) / whole)
        for header, span in zip(packet.layers, packet.spans, strict=True)
    ]
    if packet.payload:
        found.append(Added("data", None, len(packet.payload), len(packet.payload) / whole))
    return found


def changed_on_the_way(before: Packet, after: Packet) -> list[tuple[str, object, object]]:
    """The fields that differ between the same packet at two places: ("ipv4.ttl", 64, 63)."""
    found: list[tuple[str, object, object]] = []
    for mine, other in zip(before.layers, after.layers, strict=False):
        if type(mine) is not type(other):
            break
        for spec in mine.fields:
            left, right = getattr(mine, spec.name), getattr(other, spec.name)
            if left != right:
                found.append((f"{mine.name}.{spec.name}", left, right))
    return found
