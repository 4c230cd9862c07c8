"""arp: resolve, scan, probe and announce IPv4 addresses on a link of this host."""

from collections.abc import Generator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any, Literal

from packetlab.link.arp_resolve import Announce, Claim, Probe, Resolve, Scan
from packetlab.model.addresses import ip_text, ipv4_bytes
from packetlab.model.errors import UnreachableError, UsageError
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.lab_only import in_lab
from packetlab.wire.loop import Stop, run
from packetlab.wire.netlink import Interface, interface_named, interfaces, route_to
from packetlab.wire.packet_socket import PacketDevice
from packetlab.wire.recorder import FrameSink, Recorder
from packetlab.wire.resolve import resolve
from packetlab.wire.verbs.live import KeptFrames, Live

Mode = Literal["resolve", "scan", "probe", "announce"]
LARGEST_SCAN = 65_536
ETHERNET = 1


@dataclass(frozen=True, slots=True)
class ARPResult:
    """Who claimed which address."""

    mode: Mode
    target: str
    """The address or network in question."""
    interface: str
    mac: bytes
    """Our own MAC address."""
    source: bytes
    """Our own IPv4 address; 0.0.0.0 for a probe."""
    claims: tuple[Claim, ...]
    asked: int
    """Questions sent."""
    frames: tuple[Any, ...]
    clock: str
    stopped: bool = False

    @property
    def ok(self) -> bool:
        """Resolved: one machine answered. Scanned: somebody did. Probed, announced: nobody else has it."""
        if self.stopped and not self.claims:
            return False
        if self.mode in ("probe", "announce"):
            return not self.claims
        return bool(self.claims) and not any(claim.contradicts for claim in self.claims)


def arp_live(
    target: str,
    mode: Mode = "resolve",
    *,
    via: Host | None = None,
    interface: str = "",
    count: int = 3,
    timeout: float = 1.0,
    rate: float = 1000,
    record: FrameSink | None = None,
    stop: Stop | None = None,
) -> Live[Claim, ARPResult]:
    """As `arp`, giving each Claim as it arrives."""
    host = via or LocalHost()
    if timeout <= 0 or rate <= 0 or count < 1:
        raise UsageError("timeout, rate and count must be positive")
    conversation, card, source = _prepare(host, target, mode, interface, count, timeout, rate)

    def running() -> Generator[Claim, None, ARPResult]:
        claims: list[Claim] = []
        kept = KeptFrames(record)
        with PacketDevice(card.name, host, protocol=0x0806) as device:
            recorder = Recorder(device, kept)
            for event in run(conversation, recorder, stop=stop):
                claims.append(event)
                yield event
            clock = device.clock
        asked = sum(1 for frame in kept.frames if frame.direction == "out")
        stopped = stop is not None and stop.asked
        return ARPResult(mode, target, card.name, card.mac, source, tuple(claims), asked, tuple(kept.frames), clock,
                         stopped)  # fmt: skip

    return Live(running())


def arp(target: str, mode: Mode = "resolve", **options: Any) -> ARPResult:
    """Find out who has an IPv4 address ("resolve"), or each of a network ("scan", 192.0.2.0/24), whether one is
    free ("probe", RFC 5227; takes up to 8 seconds), or tell the link that one is ours ("announce").

    Options: via (Host), interface, count (tries), timeout (seconds), rate (questions a second of a scan), record,
    stop. Errors: PrivilegeError without CAP_NET_RAW, UnreachableError off the link, UsageError.
    """
    return arp_live(target, mode, **options).result


def _prepare(
    host: Host, target: str, mode: Mode, interface: str, count: int, timeout: float, rate: float
) -> tuple[Resolve | Scan | Probe | Announce, Interface, bytes]:
    if mode == "scan":
        network = _network(target)
        addresses = [each.packed for each in network.hosts()]
        card = interface_named(host, interface) if interface else _card_for(host, network)
        _require_ethernet(card, target)
        source = _own_address(card, network)
        return Scan(card.mac, source, [each for each in addresses if each != source], rate=rate, tries=min(count, 2),
                    timeout=timeout), card, source  # fmt: skip
    if mode == "resolve":
        found = resolve(target, family=4, via=host, interface=interface)
        if found.next_hop != found.address:
            router = ip_text(found.next_hop)
            raise UnreachableError(
                f"{found} is not on a link of this host, so nobody there would answer: frames for it go to the "
                f"router {router}",
                remedy=f"packetlab arp {router}",
            )
        card = interface_named(host, found.interface)
        _require_ethernet(card, str(found))
        return Resolve(card.mac, found.source, found.address, tries=count, interval=timeout), card, found.source
    address = ipv4_bytes(target)
    if IPv4Address(address).is_multicast or IPv4Address(address).is_unspecified:
        raise UsageError(f"{target} is not the address of one host")
    owner = next((one for one in interfaces(host) if any(a.address == address for a in one.addresses)), None)
    if mode == "probe":
        card = interface_named(host, interface or (owner.name if owner else route_to(host, address).interface))
        _require_ethernet(card, target)
        return Probe(card.mac, address), card, bytes(4)
    card = interface_named(host, interface or (owner.name if owner else route_to(host, address).interface))
    if owner is None and not in_lab(host):
        raise UsageError(
            f"{target} is not an address of this host: to announce it would be a false claim, which packetlab makes "
            "only inside a virtual network of its own",
            remedy="announce an address that `packetlab interfaces` lists, or try it in a lab",
        )
    _require_ethernet(card, target)
    return Announce(card.mac, address), card, address


def _network(text: str) -> IPv4Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise UsageError(f"{text!r} is not an IPv4 network", remedy="write 192.0.2.0/24") from None
    if not isinstance(network, IPv4Network):
        raise UsageError(f"{text} is IPv6, where ARP does not exist", remedy="packetlab ndp asks one IPv6 address")
    if network.num_addresses > LARGEST_SCAN:
        raise UsageError(f"{text} has {network.num_addresses} addresses; at most {LARGEST_SCAN} are scanned",
                         remedy="scan a part of it, such as a /24")  # fmt: skip
    return network


def _card_for(host: Host, network: IPv4Network) -> Interface:
    for one in interfaces(host):
        for each in one.addresses:
            if len(each.address) == 4 and IPv4Address(each.address) in network and not one.is_loopback:
                return one
    return interface_named(host, route_to(host, network[min(1, network.num_addresses - 1)].packed).interface)


def _own_address(card: Interface, network: IPv4Network) -> bytes:
    own = [each.address for each in card.addresses if len(each.address) == 4]
    inside = [each for each in own if IPv4Address(each) in network]
    return (inside or own or [bytes(4)])[0]


def _require_ethernet(card: Interface, target: str) -> None:
    if card.is_loopback:
        raise UnreachableError(
            f"{target} is this host itself: nothing leaves it, so there is no ARP",
            remedy="ask for another host's address",
        )
    if card.kind != ETHERNET:
        raise UnreachableError(
            f"{card.name} is no Ethernet interface and knows no ARP", remedy="name another one with -I"
        )
