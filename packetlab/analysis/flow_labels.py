"""A name for the flow of each packet, the same in both directions: tcp-10.0.0.1-443-10.0.0.2-40000.

For splitting captures by flow: frames are given one after the other, and fragments that carry no ports get the
name that the first fragment of their datagram got. In a tunnel the innermost addresses count.
"""

from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import Fragment, IPv6
from packetlab.model.addresses import ip_text, mac_text
from packetlab.model.fault import CUT
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

MAX_DATAGRAMS = 4096
"""Fragmented datagrams that are remembered; of the older ones, late fragments are named by addresses only."""


class FlowLabels:
    """Names the flows of frames given in order."""

    def __init__(self) -> None:
        import packetlab.protocols  # noqa: F401

        self._datagrams: dict[tuple[bytes, bytes, int], str] = {}

    def of(self, frame: Frame) -> str:
        """The name of the frame's flow: protocol and endpoints, or "other" where there are none."""
        packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
        layers = packet.layers
        last = max((number for number, one in enumerate(layers) if isinstance(one, IPv4 | IPv6)), default=-1)
        around, inside = layers[last] if last >= 0 else None, layers[last + 1 :]
        if not isinstance(around, IPv4 | IPv6) or _is_cut(around.src, around.dst):
            return _of_link(packet)
        label = _label(around, inside)
        key = _datagram(around, inside)
        if key is None:
            return label
        if not key[1]:
            self._datagrams.pop(key[0], None)
            self._datagrams[key[0]] = label
            if len(self._datagrams) > MAX_DATAGRAMS:
                del self._datagrams[next(iter(self._datagrams))]
        return self._datagrams.get(key[0], label)


def _is_cut(*values: object) -> bool:
    return any(value is CUT for value in values)


def _datagram(around: IPv4 | IPv6, inside: tuple[Header, ...]) -> tuple[tuple[bytes, bytes, int], int] | None:
    """Which datagram a fragment is of, and its offset there; None where it is no fragment."""
    fragment = next((one for one in inside if isinstance(one, Fragment)), None)
    if isinstance(around, IPv4):
        if not around.fragment_offset and not around.more_fragments:
            return None
        return (around.src, around.dst, around.identification), around.fragment_offset
    if fragment is None:
        return None
    return (around.src, around.dst, fragment.identification), fragment.fragment_offset


def _label(around: IPv4 | IPv6, inside: tuple[Header, ...]) -> str:
    ported = next((one for one in inside if isinstance(one, TCP | UDP)), None)
    if ported is None or _is_cut(ported.src_port, ported.dst_port):
        named = inside[-1].name if isinstance(around, IPv6) and inside else inside[0].name if inside else around.name
        return "-".join([named, *sorted((ip_text(around.src), ip_text(around.dst)))])
    ends = sorted(((around.src, ported.src_port), (around.dst, ported.dst_port)))
    return "-".join([ported.name, *(f"{ip_text(address)}-{port}" for address, port in ends)])


def _of_link(packet: Packet) -> str:
    first = packet.layers[0] if packet.layers else None
    source, target = getattr(first, "src", None), getattr(first, "dst", None)
    if isinstance(source, bytes) and isinstance(target, bytes) and len(source) == len(target) == 6:
        return "-".join(["ethernet", *sorted((mac_text(source), mac_text(target)))])
    return first.name if first is not None else "other"
