"""Where the headers of a decoded packet are and how far they claim to reach; without NumPy, which a lab never loads."""

from collections.abc import Iterator

from packetlab.model.fault import CUT
from packetlab.model.fields import Length
from packetlab.model.header import Header
from packetlab.model.packet import Packet


def places_in(packet: Packet, cls: type[Header], wire_length: int) -> Iterator[tuple[int, int, int, int]]:
    """(at, body, stop, claimed) of each header of the class."""
    claimed = max(wire_length, len(packet.data or b""))
    for header, (at, body, stop) in zip(packet.layers, packet.bounds(), strict=True):
        for spec in header.fields:
            fill = spec.fill
            if isinstance(fill, Length) and fill.counts in ("header+body", "body"):
                value, start = getattr(header, spec.slot), at if fill.counts == "header+body" else body
                if value is CUT or (value == 0 and fill.zero_is_rest):
                    continue
                end = start + value * fill.unit + fill.plus
                claimed = min(end, claimed) if end >= body else claimed
        if isinstance(header, cls):
            yield at, body, stop, max(claimed, stop)
