"""Frames with their addresses replaced and their checksums corrected.

Every field that is declared as an address is replaced, in whatever header, option or record it stands: the
declarations of the protocols say where. All other bytes stay where they are, so that lengths, offsets and
damage of the packet stay what they were. Each checksum is then moved by just what changed in the bytes it
covers (RFC 1624), from the inside out: a right one stays right and a wrong one wrong, also where the capture
cut the packet, in fragments, and in packets quoted by ICMP errors.

Names and texts (DNS names, HTTP hosts, certificates) are no addresses: `payload="zero"` overwrites them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal

from packetlab.capture.addresses import AddressMap
from packetlab.model.checksum import ones_complement_sum
from packetlab.model.fields import Checksum, ipv4, ipv6, mac
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate
from packetlab.model.support import protocol_number, pseudo_sum
from packetlab.model.trace import FieldSpan, field_spans

Payload = Literal["keep", "zero"]

_ANNOTATED: dict[str, Any] = {"ipv4": ipv4, "ipv6": ipv6, "mac": mac}
_KINDS: dict[int, str] = {id(kind.__metadata__[0]): name for name, kind in _ANNOTATED.items()}
_RAW_ADDRESSES = {"sender_hardware", "target_hardware", "sender_protocol", "target_protocol"}
"""Fields of bytes whose length tells which kind of address they hold (ARP for other links)."""
_BY_LENGTH = {4: "ipv4", 6: "mac", 16: "ipv6"}

Layer = tuple[Header, int, int, int, Packet, int]
"""Header, where it starts, where its body starts and ends, the packet it belongs to, its place there."""


class Anonymiser:
    """Replaces the addresses of frames under a key."""

    def __init__(self, key: bytes | str, *, payload: Payload = "keep") -> None:
        self.map = AddressMap(key)
        self.payload = payload
        self.not_understood = 0
        """Frames of which nothing could be read: their bytes were overwritten with zeros."""
        import packetlab.protocols  # noqa: F401 - so that decapsulation knows them all

    def frame(self, frame: Frame) -> Frame:
        """The frame with other addresses; without its comment, which may name anything."""
        return replace(frame, data=self.data(frame.data, frame.link_type), comment="")

    def data(self, data: bytes, link_type: int = 1) -> bytes:
        """The bytes of a packet with other addresses and corrected checksums. Never raises."""
        packet = decapsulate(data, link_type)
        if not packet.layers:
            self.not_understood += bool(data)
            return bytes(len(data))
        changed = bytearray(data)
        layers = list(_layers(packet))
        for header, start, _, _, _, _ in layers:
            self._replace(header, start, changed)
        if self.payload == "zero":
            start = _text_start(layers, layers[-1][2])
            end = min(layer[3] for layer in layers if layer[4] is packet)
            changed[start:end] = bytes(max(0, end - start))
        self._correct(data, changed, layers, link_type)
        return bytes(changed)

    # ------------------------------------------------------------ addresses

    def _replace(self, header: Header, start: int, changed: bytearray) -> None:
        end = start
        for span in field_spans(header, start):
            self._field(header, span, changed)
            end = max(end, span.end)
        if header.is_cut:
            changed[end:] = bytes(len(changed) - end)  # perhaps a part of an address

    def _field(self, header: Header, span: FieldSpan, changed: bytearray) -> None:
        for element in span.elements:
            for inner in element.fields:
                self._field(element.header, inner, changed)
        kind = _KINDS.get(id(span.spec.kind), "")
        size = span.end - span.offset
        if not kind and (span.spec.name in _RAW_ADDRESSES or _is_cooked_address(header, span)):
            kind = _BY_LENGTH.get(size, "")
        if not kind or span.spec.name.endswith("mask") or span.end > len(changed):
            return
        address = bytes(changed[span.offset : span.end])
        if len(address) != {"ipv4": 4, "mac": 6, "ipv6": 16}[kind]:
            return
        new = getattr(self.map, kind)(address)
        length = getattr(header, "prefix_length", None)
        if isinstance(length, int) and span.spec.name == "prefix" and 0 <= length <= size * 8:
            keep = size * 8 - length
            new = (int.from_bytes(new, "big") >> keep << keep).to_bytes(size, "big")
        changed[span.offset : span.end] = new

    # ------------------------------------------------------------ checksums

    def _correct(self, old: bytes, changed: bytearray, layers: list[Layer], link_type: int) -> None:
        """Moves each checksum by what changed in what it covers, the innermost first."""
        again = list(_layers(decapsulate(bytes(changed), link_type)))
        for number in range(len(layers) - 1, -1, -1):
            header, start, body, end, packet, index = layers[number]
            for span in field_spans(header, start):
                fill = span.spec.fill
                if not isinstance(fill, Checksum) or not isinstance(span.value, int) or span.end > len(old):
                    continue
                if fill.optional and span.value == 0:
                    continue
                stop = min(body if fill.over == "header" else end, len(old))
                before, after = ones_complement_sum(old[start:stop]), ones_complement_sum(bytes(changed[start:stop]))
                old_pseudo = new_pseudo = 0
                if fill.over == "pseudo":
                    old_pseudo = pseudo_sum(packet.layers, index)
                    if number < len(again):
                        new_pseudo = pseudo_sum(again[number][4].layers, again[number][5])
                    extra = end - start + protocol_number(type(header))
                    if span.value == ones_complement_sum(b"", old_pseudo + extra):
                        # Left to the network card: only the pseudo-header was summed up, and not inverted.
                        _put(changed, span.offset, ones_complement_sum(b"", new_pseudo + extra))
                        continue
                moved = 0xFFFF - span.value + (0xFFFF - before) + after + 0xFFFF * 0x10000
                moved += new_pseudo % 0xFFFF - old_pseudo % 0xFFFF
                value = 0xFFFF - (moved % 0xFFFF or 0xFFFF)
                if value == 0 and (fill.zero_as is not None or span.value == 0xFFFF):
                    value = fill.zero_as or 0xFFFF
                if (before, old_pseudo % 0xFFFF) != (after, new_pseudo % 0xFFFF):
                    _put(changed, span.offset, value)


def _put(changed: bytearray, offset: int, value: int) -> None:
    changed[offset : offset + 2] = value.to_bytes(2, "big")


def _is_cooked_address(header: Header, span: FieldSpan) -> bool:
    return span.spec.name == "address" and span.spec.kind is None and bool(type(header).link_types)


def _layers(packet: Packet) -> Iterator[Layer]:
    """The layers of a packet and of the packets it quotes, with their places in the outermost bytes."""
    current: Packet | None = packet
    while current is not None:
        for index, (header, (start, body, end)) in enumerate(zip(current.layers, current.bounds(), strict=True)):
            yield header, start, body, end, current, index
        current = current.quoted


def _text_start(layers: Iterable[Layer], otherwise: int) -> int:
    """Where the data of applications begins."""
    starts: list[Any] = [
        start for header, start, *_ in layers if type(header).__module__.startswith("packetlab.application.")
    ]
    return min(starts, default=otherwise)
