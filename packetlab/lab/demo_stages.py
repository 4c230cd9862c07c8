"""Where the demo is played: hosts of the kernel with a tap at every interface, or a wire in memory."""

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from packetlab.application.dns import query
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
    ROUTER_OUTSIDE,
    SERVER,
    Stage,
)
from packetlab.lab.demo_memory import MemoryStage
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import decapsulate
from packetlab.wire.exchange import ask_by_datagram, ask_by_stream

__all__ = ["KernelStage", "MemoryStage", "stage"]

PATIENCE = 2.0
"""Seconds that an act may take; all of them take milliseconds."""


def stage() -> Stage:
    """The stage on real hosts; NamespaceError where this machine does not let us make them."""
    from packetlab.net import probe

    probe()
    return KernelStage()


class KernelStage(Stage):
    """Client, router and server as hosts of this machine's kernel, in namespaces of their own."""

    what = (
        "Three real hosts of this machine's kernel, in network namespaces of their own: no root, no traffic to "
        "anywhere else, gone when the demo ends."
    )

    def __init__(self) -> None:
        from packetlab.net import Network

        self._open = ExitStack()
        self._net = net = Network("demo")
        net.host("client", f"{CLIENT}/24", via=ROUTER_INSIDE, dns=SERVER)
        net.router("router", {"client": f"{ROUTER_INSIDE}/24", "server": f"{ROUTER_OUTSIDE}/24"})
        net.host("server", f"{SERVER}/24", via=ROUTER_OUTSIDE)
        net.link("client", "router", "server")

    def __enter__(self) -> Self:
        from packetlab.net.servers import DNSServer, HTTPServer, UDPEchoServer
        from packetlab.net.servers.dns import zone
        from packetlab.net.servers.http import from_pages
        from packetlab.wire.tap import Tap, TapPoint

        with ExitStack() as opening:
            opening.enter_context(self._net)
            server = self._net["server"]
            opening.enter_context(UDPEchoServer(server, ECHO_PORT))
            opening.enter_context(DNSServer(server, zone({NAME: SERVER}), port=DNS_PORT))
            opening.enter_context(HTTPServer(server, HTTP_PORT, from_pages({"/": PAGE})))
            points = [TapPoint(place, self._net[place.split()[0]], place.split()[1]) for place in PLACES]
            self._tap = opening.enter_context(Tap(points))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    # ------------------------------------------------------------ acts

    def arp(self) -> list[Frame]:
        """Resolve the router's address by hand."""
        from packetlab.wire.verbs.arp import arp

        self._tap.take()
        arp(ROUTER_INSIDE, via=self._net["client"])
        return self._seen("arp", self._at("client eth0", 2))

    def ping(self) -> list[Frame]:
        """One echo request and its reply."""
        from packetlab.wire.verbs.ping import ping

        self._tap.take()
        ping(SERVER, count=1, via=self._net["client"])
        return self._seen("icmp", self._at("client eth0", 2), also=("arp",))

    def handshake(self) -> list[Frame]:
        """SYN, SYN-ACK, ACK by hand, and an orderly end."""
        from packetlab.wire.verbs.handshake import handshake

        self._tap.take()
        handshake(SERVER, HTTP_PORT, via=self._net["client"])
        return self._seen("tcp", self._ended)

    def udp(self) -> list[Frame]:
        """A datagram to the echo service, and back."""
        self._tap.take()
        self._ask(ECHO_PORT, ECHO_TEXT)
        return self._seen("udp", self._at("client eth0", 2))

    def dns(self) -> list[Frame]:
        """A question to the server's DNS."""
        self._tap.take()
        self._ask(DNS_PORT, query(NAME, "A", identifier=0x2A2A, edns=False).encode())
        return self._seen("udp", self._at("client eth0", 2))

    def http(self) -> list[Frame]:
        """GET / over a connection of the kernel's own TCP."""
        self._tap.take()
        request = f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"
        ask_by_stream(self._net["client"], SERVER, HTTP_PORT, request.encode(), timeout=PATIENCE)
        return self._seen("tcp", self._ended)

    # ------------------------------------------------------------ helpers

    def _ask(self, port: int, data: bytes) -> None:
        ask_by_datagram(self._net["client"], SERVER, port, data, timeout=PATIENCE)

    def _at(self, place: str, count: int) -> Callable[[list[Frame]], bool]:
        """Until an interface has seen so many frames of interest."""
        return lambda frames: sum(frame.interface == place for frame in frames) >= count

    @staticmethod
    def _ended(frames: list[Frame]) -> bool:
        """Until both sides have said FIN, and the last one was answered, as the server's interface sees it."""
        from packetlab.transport.tcp import TCP

        fins, last = 0, 0
        for frame in frames:
            segment = decapsulate(frame.data, frame.link_type).get(TCP) if frame.interface == PLACES[0] else None
            if segment is not None:
                fins += segment.flags & TCP.FIN
                last = segment.flags
        return fins == 2 and not last & TCP.FIN

    def _seen(self, protocol: str, until: Callable[[list[Frame]], bool], also: tuple[str, ...] = ()) -> list[Frame]:
        """The frames of a protocol at all four places, once `until` holds for them."""
        wanted = (protocol, *also)

        def ours(frames: list[Frame]) -> list[Frame]:
            return [frame for frame in frames if any(_family(one) in wanted for one in _layers(frame))]

        def complete(frames: list[Frame]) -> bool:
            mine = [frame for frame in ours(frames) if any(_family(one) == protocol for one in _layers(frame))]
            # What passed one place must have been seen at all of them, or the rest would turn up in the next act.
            places = PLACES[:2] if protocol == "arp" else PLACES
            counts = {sum(frame.interface == place for frame in mine) for place in places}
            return until(mine) and len(counts) == 1

        return ours(self._tap.take(complete, PATIENCE))


def _layers(frame: Frame) -> tuple[Header, ...]:
    return decapsulate(frame.data, frame.link_type).layers


def _family(header: Header) -> str:
    return header.name.split(".")[0]
