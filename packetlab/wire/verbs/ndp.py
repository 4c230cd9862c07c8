"""ndp: which network card has an IPv6 address, or is it free?"""

from collections.abc import Generator
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any

from packetlab.internet.neighbour_discovery import DUP_ADDR_DETECT_TRANSMITS, Neighbour, Solicit
from packetlab.model.addresses import ip_text, ipv6_bytes
from packetlab.model.errors import UnreachableError, UsageError
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.loop import Stop, run
from packetlab.wire.netlink import Interface, interface_named, interfaces, route_to
from packetlab.wire.packet_socket import PacketDevice
from packetlab.wire.recorder import FrameSink, Recorder
from packetlab.wire.resolve import resolve
from packetlab.wire.verbs.live import KeptFrames, Live

ETHERNET = 1
ETHERTYPE_IPV6 = 0x86DD


@dataclass(frozen=True, slots=True)
class NDPResult:
    """Who has the address."""

    target: str
    address: bytes
    interface: str
    mac: bytes
    """Our own MAC address."""
    source: bytes
    """The address we asked from; :: for a probe."""
    neighbours: tuple[Neighbour, ...]
    frames: tuple[Any, ...]
    asked: int
    clock: str
    probe: bool = False
    stopped: bool = False

    @property
    def ok(self) -> bool:
        """One machine has it; of a probe: nobody has, and it was not interrupted."""
        if self.probe:
            return not self.neighbours and not self.stopped
        return len(self.neighbours) == 1


def ndp_live(
    target: str,
    *,
    probe: bool = False,
    via: Host | None = None,
    interface: str = "",
    count: int = 3,
    timeout: float = 1.0,
    record: FrameSink | None = None,
    stop: Stop | None = None,
) -> Live[Neighbour, NDPResult]:
    """As `ndp`, giving each answer as it arrives."""
    host = via or LocalHost()
    if timeout <= 0 or count < 1:
        raise UsageError("timeout and count must be positive")
    address, source, card = _where(host, target, interface, probe)
    tries = DUP_ADDR_DETECT_TRANSMITS if probe else count
    conversation = Solicit(card.mac, source, address, tries=tries, interval=timeout, probe=probe)

    def running() -> Generator[Neighbour, None, NDPResult]:
        found: list[Neighbour] = []
        kept = KeptFrames(record)
        with PacketDevice(card.name, host, protocol=ETHERTYPE_IPV6, ignore_outgoing=True) as device:
            for event in run(conversation, Recorder(device, kept), stop=stop):
                found.append(event)
                yield event
            clock = device.clock
        asked = sum(1 for frame in kept.frames if frame.direction == "out")
        return NDPResult(target, address, card.name, card.mac, conversation.source, tuple(found), tuple(kept.frames),
                         asked, clock, probe, stop is not None and stop.asked)  # fmt: skip

    return Live(running())


def ndp(target: str, **options: Any) -> NDPResult:
    """Find out who on a link has an IPv6 address (RFC 4861), or with `probe` whether anybody has (RFC 4862).

    Options: probe, via (Host), interface, count (tries), timeout (seconds each), record (a sink), stop.
    Errors: PrivilegeError without CAP_NET_RAW, UnreachableError off the link, UsageError.
    """
    return ndp_live(target, **options).result


def _where(host: Host, target: str, interface: str, probe: bool) -> tuple[bytes, bytes, Interface]:
    """The address in question, ours on that link, and the interface."""
    if probe:
        text, _, zone = target.partition("%")
        address = ipv6_bytes(text)
        name = interface or zone or _link_of(host, address)
        source, next_hop = bytes(16), address
    else:
        found = resolve(target, family=6, via=host, interface=interface)
        address, source, next_hop, name = found.address, found.source, found.next_hop, found.interface
    plain = IPv6Address(address)
    if plain.is_multicast or plain.is_unspecified:
        raise UsageError(f"{target} is not the address of one host", remedy="give a unicast address")
    card = interface_named(host, name)
    if card.is_loopback:
        raise UnreachableError(
            f"{target} is this host itself: nothing leaves it, so nobody is asked",
            remedy="ask for another host's address",
        )
    if card.kind != ETHERNET:
        raise UnreachableError(f"{card.name} is no Ethernet interface", remedy="name another one with -I")
    if next_hop != address:
        router = ip_text(next_hop)
        raise UnreachableError(
            f"{target} is not on a link of this host, so nobody there would answer: frames for it go to the router "
            f"{router}",
            remedy=f"packetlab ndp {router}%{card.name}",
        )
    return address, source, card


def _link_of(host: Host, address: bytes) -> str:
    """The link that an address belongs to, ours or not."""
    for one in interfaces(host):
        if any(each.address == address for each in one.addresses):
            return one.name
    if address[:2] == b"\xfe\x80":
        raise UnreachableError(
            f"{ip_text(address)} is a link-local address: it exists on every link, so the link must be named",
            remedy="-I INTERFACE",
        )
    return route_to(host, address).interface
