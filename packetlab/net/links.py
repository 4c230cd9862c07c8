"""The rtnetlink requests and ioctls of which a network is built: cables (veth), bridges, addresses, routes."""

import array
import fcntl
import socket
import struct
import time

from packetlab.model.addresses import ip_text
from packetlab.model.errors import PacketLabError
from packetlab.wire import netlink
from packetlab.wire.netlink import Netlink, Request, attribute, attribute_text, attribute_u32

_CREATE = netlink.CREATE | netlink.EXCLUSIVE
_IFF_UP = 1
_NO_DAD = 0x02
_SIOCETHTOOL = 0x8946
_DAY = 86_400_000
"""Milliseconds."""
# ETHTOOL_SRXCSUM, STXCSUM, SSG, STSO, SGSO, SGRO of linux/ethtool.h. Checksums come last among the senders: the
# kernel takes segmentation away with them.
_OFFLOADS = (0x1F, 0x24, 0x2C, 0x19, 0x17, 0x15)


def _end(name: str, mac: bytes, mtu: int) -> bytes:
    # One queue each way: more would only cost memory.
    return (
        attribute_text(3, name) + attribute(1, mac) + attribute_u32(4, mtu) + attribute_u32(31, 1)
        + attribute_u32(32, 1)
    )  # fmt: skip


def veth(near: tuple[str, int, bytes], far: tuple[str, int, bytes], far_namespace: int, mtu: int) -> Request:
    """A cable: both ends as (name, index, MAC); the far end appears in the namespace of that descriptor.

    The indexes must differ. Where both ends have the same index the kernel takes the veth for no virtual device
    of its own and reports its carrier up to a second later; this is the lost first packet.
    """
    other = netlink.link_body(far[1]) + _end(far[0], far[2], mtu) + attribute_u32(28, far_namespace)
    kind = attribute_text(1, "veth") + attribute(2, attribute(1, other))
    body = netlink.link_body(near[1]) + _end(near[0], near[2], mtu) + attribute(18, kind)
    return Request(netlink.NEW_LINK, _CREATE, body, f"make the cable {near[0]} - {far[0]}")


# The shortest times that 802.1D allows: forward delay 2 s (rule 2 * (delay - 1 s) >= max age is not enforced).
_TREE = attribute_u32(1, 200) + attribute_u32(2, 100) + attribute_u32(3, 600) + attribute_u32(5, 1)


def bridge(name: str, index: int, mac: bytes, *, hub: bool, stp: bool) -> Request:
    """A bridge without multicast snooping and netfilter; as a hub it forgets every address at once."""
    options = attribute(23, b"\0") + b"".join(attribute(number, b"\0") for number in (36, 37, 38))
    options += _TREE if stp else attribute_u32(5, 0)
    if hub:
        options += attribute_u32(4, 0)
    kind = attribute_text(1, "bridge") + attribute(2, options)
    body = netlink.link_body(index) + attribute_text(3, name) + attribute(1, mac) + attribute(18, kind)
    return Request(netlink.NEW_LINK, _CREATE, body, f"make the bridge {name}")


def spanning_tree(name: str, index: int) -> Request:
    """Lets a bridge run the spanning tree from now on. Its ports that forward already go on forwarding."""
    kind = attribute_text(1, "bridge") + attribute(2, _TREE)
    return Request(netlink.NEW_LINK, 0, netlink.link_body(index) + attribute(18, kind), f"spanning tree on {name}")


def up(index: int, name: str, master: int = 0) -> Request:
    """Switches an interface on, as a port of the bridge `master` if that is given."""
    body = netlink.link_body(index, _IFF_UP, _IFF_UP)
    return Request(netlink.SET_LINK, 0, body + (attribute_u32(10, master) if master else b""), f"switch on {name}")


def down(index: int, name: str) -> Request:
    """Switches an interface off, as if its cable were pulled."""
    return Request(netlink.SET_LINK, 0, netlink.link_body(index, 0, _IFF_UP), f"switch off {name}")


def set_mtu(index: int, name: str, mtu: int) -> Request:
    """Bytes of a packet that fit into a frame of an interface."""
    body = netlink.link_body(index) + attribute_u32(4, mtu)
    return Request(netlink.SET_LINK, 0, body, f"give {name} the MTU {mtu}")


def add_address(address: bytes, prefix_length: int, index: int, name: str) -> Request:
    """Gives an interface an address, without duplicate address detection; IPv4 gets its broadcast address."""
    flags = _NO_DAD if len(address) == 16 else 0
    body = netlink.address_body(address, prefix_length, index, flags) + attribute(2, address) + attribute(1, address)
    if len(address) == 4 and prefix_length < 31:
        broadcast = int.from_bytes(address, "big") | (1 << (32 - prefix_length)) - 1
        body += attribute(4, broadcast.to_bytes(4, "big"))
    what = f"give {name} the address {ip_text(address)}/{prefix_length}"
    return Request(netlink.NEW_ADDRESS, netlink.CREATE | netlink.REPLACE, body, what)


def delete_address(address: bytes, prefix_length: int, index: int, name: str) -> Request:
    """Takes an address from an interface."""
    body = netlink.address_body(address, prefix_length, index) + attribute(2, address) + attribute(1, address)
    return Request(netlink.DELETE_ADDRESS, 0, body, f"take {ip_text(address)}/{prefix_length} from {name}")


def add_route(destination: bytes, prefix_length: int, gateway: bytes, index: int = 0) -> Request:
    """A route over a gateway; `destination` gives the family, prefix length 0 is the default route."""
    family = socket.AF_INET if len(destination) == 4 else socket.AF_INET6
    body = netlink.route_body(family, prefix_length)
    if prefix_length:
        body += attribute(1, destination)
    body += attribute(5, gateway) + (attribute_u32(4, index) if index else b"")
    what = f"route {ip_text(destination)}/{prefix_length} over {ip_text(gateway)}"
    return Request(netlink.NEW_ROUTE, netlink.CREATE | netlink.REPLACE, body, what)


def add_neighbour(address: bytes, mac: bytes, index: int, name: str) -> Request:
    """A permanent row in the ARP or NDP cache."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    body = netlink.neighbour_body(family, index) + attribute(1, address) + attribute(2, mac)
    what = f"tell {name} the MAC address of {ip_text(address)}"
    return Request(netlink.NEW_NEIGHBOUR, netlink.CREATE | netlink.REPLACE, body, what)


def delete_neighbour(address: bytes, index: int, name: str) -> Request:
    """Forgets a row of the ARP or NDP cache."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    body = netlink.neighbour_body(family, index) + attribute(1, address)
    return Request(netlink.DELETE_NEIGHBOUR, 0, body, f"forget the MAC address of {ip_text(address)} on {name}")


def without_probes(family: int, index: int, name: str) -> Request:
    """Lets the ARP (or, for AF_INET6, the NDP) cache of an interface believe what it knows for a day.

    Otherwise a host asks its neighbour again 5 s after a packet to an entry that has grown old: a question that
    nobody who watches has caused, at a moment that depends on how fast they type; it mends forged entries, too.
    """
    table = "arp_cache" if family == socket.AF_INET else "ndisc_cache"
    parameters = attribute_u32(1, index) + attribute(7, struct.pack("=Q", _DAY))  # NDTPA_IFINDEX, DELAY_PROBE_TIME
    body = struct.pack("=BxH", family, 0) + attribute_text(1, table) + attribute(6, parameters)
    return Request(netlink.SET_NEIGHBOUR_TABLE, 0, body, f"keep the neighbours of {name}")


def without_offloads(opened: socket.socket, interface: str) -> None:
    """Lets the kernel send what it captures: no 63 kB "frames", no checksum left to a card that is not there."""
    for command in _OFFLOADS:
        value = array.array("I", [command, 0])
        request = struct.pack("16sP16x", interface.encode(), value.buffer_info()[0])
        try:
            fcntl.ioctl(opened, _SIOCETHTOOL, request)
        except OSError:
            continue  # a device without this feature


def wait_until_up(waiting: list[tuple[Netlink, set[int]]], timeout: float = 5.0) -> None:
    """Waits (usually 1 ms) until these interfaces of each node are up: only then no first packet is lost."""
    deadline = time.monotonic() + timeout
    pause = 0.0003
    while waiting:
        left = []
        for node, indexes in waiting:
            dump = Request(netlink.GET_LINK, netlink.DUMP, netlink.link_body() + attribute_u32(29, 8))
            states = [netlink.parse_interface(body) for _, body in node.ask(dump)]
            still = indexes - {state.index for state in states if state and state.operstate == "up"}
            if still:
                left.append((node, still))
        waiting = left
        if waiting:
            if time.monotonic() > deadline:
                raise PacketLabError(f"{sum(len(still) for _, still in waiting)} interfaces did not come up")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.01)
